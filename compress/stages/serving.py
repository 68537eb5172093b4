"""The serving function of a network in training, traced once."""

from typing import Any

from compress.artifacts.saved_model import serving_function
from compress.evaluate import KerasPredictor, outputs
from compress.stages.base import Context
from compress.tasks.named import names


class Serving:
    """A network's serving function, traced once: for validation in every epoch and for the SavedModel."""

    def __init__(self, model: Any, context: Context) -> None:
        with context.clock("build"):
            self.function = serving_function(model, names(context.task))
        self.model, self.context = model, context

    def validate(self) -> dict[str, float]:
        """The task's first metric on the validation split."""
        split, task = self.context.dataset.validation, self.context.task
        score = task.score(outputs(KerasPredictor(self.function), split), split.targets.arrays())
        return {f"val_{task.METRICS[0].key}": score}
