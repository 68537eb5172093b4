"""The kinds of stages. A new one: one file here, one line in STAGES, one test."""

from compress.stages.base import Context, Stage
from compress.stages.distill import Distill
from compress.stages.export import Export
from compress.stages.faithful import Unfaithful
from compress.stages.load import Load
from compress.stages.narrow import Narrow
from compress.stages.prune import Prune
from compress.stages.quantize import Quantize
from compress.stages.train import Train

STAGES: dict[str, type[Stage]] = {
    "load": Load,
    "train": Train,
    "distill": Distill,
    "narrow": Narrow,
    "prune": Prune,
    "quantize": Quantize,
    "export": Export,
}

__all__ = ["STAGES", "Context", "Export", "Stage", "Unfaithful"]
