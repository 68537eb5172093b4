"""Trains a network on labels."""

from pathlib import Path
from typing import Any, Literal

from compress.config import config
from compress.stages.base import Context
from compress.stages.finish import TRAINED_BY, Serving, finish
from compress.stages.network import NetworkStage
from compress.tasks import classification
from compress.training import Training, fit


def labels_only(network: Any, images: Any, labels: Any) -> tuple[Any, dict[str, Any]]:
    """The objective of every training without a teacher: cross-entropy."""
    logits = network(images, training=True)
    return classification.cross_entropy(logits, labels), {"accuracy": classification.accuracy(logits, labels)}


@config
class Train(NetworkStage, Training):
    """Cross-entropy on the training split; reads a network by name, a SavedModel, or an earlier stage."""

    kind: Literal["train"] = "train"
    MADE_BY = (*TRAINED_BY, "stages/network", "models")

    def make(self, context: Context, out: Path, scratch: Path) -> dict[str, Any]:
        network = self.network(context)
        serving = Serving(network, context)
        with context.clock("training"):
            fit(
                network,
                labels_only,
                context.data,
                self,
                scratch / "backup",
                context.progress,
                serving.validate,
                context.callbacks,
            )
        return finish(serving, context, out, scratch, "float32")
