"""What training stages share: training on labels, and the end: a SavedModel, read back, compared and evaluated."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from compress import artifacts, keras
from compress.artifacts.saved_model import same_logits, serving_function
from compress.evaluate import KerasPredictor, outputs
from compress.evaluate.predictors import to_float
from compress.prune import kernel_sparsity, prunable_kernels
from compress.stages.base import Context
from compress.tasks import classification
from compress.training import Diverged, Training, fit

TEST_LOGITS = "test_logits.npy"  # float32 (images of the test split, classes), in order
VALIDATION_LOGITS = "validation_logits.npy"  # the same of the validation split


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


def train_on_labels(
    network: Any,
    training: Training,
    serving: Serving,
    context: Context,
    scratch: Path,
    validate: Callable[[], dict[str, float]] | None = None,
    callbacks: tuple[Any, ...] = (),
) -> None:
    """Trains ``network`` in place with ``training.label_loss`` on the training split."""
    with context.clock("training"):
        fit(
            network,
            partial(classification.on_labels, loss=training.label_loss.loss),
            context.data,
            training,
            scratch / "backup",
            context.progress,
            validate or serving.validate,
            (*callbacks, *context.callbacks),
        )


def finish(serving: Serving, context: Context, out: Path, scratch: Path, form: str) -> dict[str, Any]:
    """Writes ``out/saved_model`` and the history; returns the facts of the network that was read back."""
    clock, path = context.clock, out / "saved_model"
    some = to_float(context.dataset.train.read(np.arange(min(8, len(context.dataset.train)))))
    expected = serving.function(image=keras.tf.constant(some))["logits"].numpy()
    if not np.isfinite(expected).all():
        raise Diverged("the trained network's outputs are no finite numbers any more; lower learning_rate")
    context.progress.say("    saving and checking the SavedModel")
    with clock("save"):
        artifacts.save(serving.model, path, serving.function)
    if (scratch / "history.csv").exists():
        shutil.copy(scratch / "history.csv", out / "history.csv")
    with clock("load"):
        loaded = artifacts.load(path)
    with clock("evaluate"):
        # eagerly: tracing the network that was read back would take longer than all the rest
        same_logits(loaded(some, training=False).numpy(), expected)
        test = context.dataset.test
        logits = outputs(KerasPredictor(serving.function), test)
        np.save(out / TEST_LOGITS, logits)
        if np.ptp(logits.argmax(-1)) == 0 < np.ptp(test.labels):
            context.progress.say(
                "    note: it predicts one class for every test image, so it has learned nothing; "
                "a smaller learning_rate may help"
            )
        np.save(out / VALIDATION_LOGITS, outputs(KerasPredictor(serving.function), context.dataset.validation))
    context.finished(loaded)
    return {
        "form": form,
        "top1": classification.top1(logits, test.labels),
        "params": parameters(loaded),
        "kernel_sparsity": kernel_sparsity(prunable_kernels(loaded)),
        "fit": context.fit,
        "classes": list(context.dataset.classes),
    }


def parameters(model: Any) -> int:
    """How many floating-point weights the network has; counters of wrappers are no parameters."""
    return sum(int(np.prod(weight.shape)) for weight in model.weights if weight.dtype.is_floating)
