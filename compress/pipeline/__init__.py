"""Runs the stages of a pipeline, skips the finished ones, keeps a readable view of the results."""

from compress.pipeline.plan import Plan, Step, links, plan
from compress.pipeline.read import Pipeline, read
from compress.pipeline.run import run

__all__ = ["Pipeline", "Plan", "Step", "links", "plan", "read", "run"]
