"""How every training stage ends: the SavedModel is written, read back, compared and evaluated."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from compress import artifacts
from compress.artifacts.saved_model import same_logits, serving_function
from compress.datasets import Dataset
from compress.evaluate import KerasPredictor, outputs
from compress.prune import kernel_sparsity, prunable_kernels
from compress.stages.base import Context
from compress.tasks import classification


class Serving:
    """A network's serving function, traced once: for validation in every epoch and for the SavedModel."""

    def __init__(self, model: Any, context: Context) -> None:
        with context.clock("build"):
            self.function = serving_function(model)
        self.model, self.context = model, context

    def validate(self) -> dict[str, float]:
        """Top-1 on the validation split, as a fraction."""
        split = self.context.dataset.validation
        return {"val_top1": classification.top1(outputs(KerasPredictor(self.function), split), split.labels)}


def finish(serving: Serving, context: Context, out: Path, scratch: Path, form: str) -> dict[str, Any]:
    """Writes ``out/saved_model`` and the history; returns the facts of the network that was read back."""
    clock, path = context.clock, out / "saved_model"
    context.progress.say("    saving and checking the SavedModel")
    with clock("save"):
        artifacts.save(serving.model, path, serving.function)
    if (scratch / "history.csv").exists():
        shutil.copy(scratch / "history.csv", out / "history.csv")
    with clock("load"):
        loaded = artifacts.load(path)
        loaded_function = serving_function(loaded)
    with clock("evaluate"):
        some = context.dataset.train.read(np.arange(min(8, len(context.dataset.train))))
        same_logits(KerasPredictor(loaded_function)(some), KerasPredictor(serving.function)(some))
        top1 = test_top1(loaded_function, context.dataset)
    context.finished(loaded)
    return {
        "form": form,
        "top1": top1,
        "params": parameters(loaded),
        "kernel_sparsity": kernel_sparsity(prunable_kernels(loaded)),
        "input_shape": list(loaded.input_shape[1:]),
        "classes": list(context.dataset.classes),
    }


def test_top1(function: Any, dataset: Dataset) -> float:
    """Top-1 on the held-out test split, as a fraction."""
    return classification.top1(outputs(KerasPredictor(function), dataset.test), dataset.test.labels)


def parameters(model: Any) -> int:
    """How many floating-point weights the network has; counters of wrappers are no parameters."""
    return sum(int(np.prod(weight.shape)) for weight in model.weights if weight.dtype.is_floating)
