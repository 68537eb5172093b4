"""Runs the stages of a pipeline, skips the finished ones, keeps a readable view of the results."""

from compress.pipeline.networks import Networks
from compress.pipeline.plan import Plan, Step, links, plan
from compress.pipeline.read import Pipeline, read
from compress.pipeline.run import look_ahead, run

__all__ = ["Networks", "Pipeline", "Plan", "Step", "links", "look_ahead", "plan", "read", "run"]
