"""Trains a network on labels."""

from pathlib import Path
from typing import Literal

from compress.config import config
from compress.results import NetworkFacts
from compress.rewrite.graph import with_new_weights
from compress.stages.base import Context
from compress.stages.network import NetworkStage
from compress.stages.save_and_evaluate import save_and_evaluate
from compress.stages.serving import Serving
from compress.stages.train_on_targets import train_on_targets
from compress.stages.unbiased import as_targets_say
from compress.training import Training


@config
class Train(NetworkStage, Training):
    """Trains a network on the labels, by ``label_loss``. The network is one by name, a SavedModel, or that of an
    earlier stage."""

    kind: Literal["train"] = "train"
    reinitialize: bool = False
    """Whether to replace all weights by new random ones, drawn by the seed; shows what the given weights are worth."""

    def make(self, context: Context, out: Path, scratch: Path) -> NetworkFacts:
        network = self.network(context)
        if self.reinitialize:
            network = with_new_weights(network, context.seed)
        serving = Serving(network, context)
        train_on_targets(network, self, serving, context, scratch)
        return save_and_evaluate(serving, context, out, scratch, "float32", as_targets_say(serving, context))
