"""Runs the stages of a pipeline, skips the finished ones, keeps a readable view of the results."""

from compress.pipeline.gather_results import results
from compress.pipeline.load_pipeline import Pipeline, read_pipeline
from compress.pipeline.make import Made, load_libraries, make
from compress.pipeline.networks import Networks
from compress.pipeline.plan import Plan, links, plan
from compress.pipeline.run import latencies, look_ahead, run
from compress.pipeline.take_part import take_part

__all__ = [
    "Made",
    "Networks",
    "Pipeline",
    "Plan",
    "latencies",
    "links",
    "load_libraries",
    "look_ahead",
    "make",
    "plan",
    "read_pipeline",
    "results",
    "run",
    "take_part",
]
