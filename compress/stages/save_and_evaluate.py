"""The end of every training stage: a SavedModel, read back, compared and evaluated."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from compress import artifacts, config, keras
from compress.artifacts.outputs_file import write_outputs
from compress.artifacts.saved_model import check_same_outputs
from compress.evaluate import KerasPredictor, outputs
from compress.evaluate.predictors import as_arrays, to_float
from compress.prune import kernel_sparsity, prunable_kernels
from compress.results import NetworkFacts
from compress.stages.base import Context
from compress.stages.serving import Serving
from compress.stages.whole_images import measured_whole
from compress.tasks.named import named
from compress.training import Diverged

TEST_OUTPUTS = "test_outputs.npz"  # raw outputs on the test split, in order
VALIDATION_OUTPUTS = "validation_outputs.npz"  # the same of the validation split


class TookPart(Exception):
    """Ends a stage on a worker that is not the chief: it has taken part in all training, and the chief saves."""


def save_and_evaluate(
    serving: Serving,
    context: Context,
    out: Path,
    scratch: Path,
    precision: str,
    correction: Mapping[str, float] | None = None,
) -> NetworkFacts:
    """Writes ``out/saved_model`` and the history; returns the facts of the network that was read back.

    ``correction``: what was done for the sums of its outputs (``stages.unbiased``). Raises TookPart where it is not for
    this worker to write.
    """
    if not context.strategy.is_chief:
        raise TookPart
    clock, path, task = context.clock, out / "saved_model", context.task
    some = to_float(context.dataset.train.read(np.arange(min(8, len(context.dataset.train)))))
    expected = as_arrays(serving.function(image=keras.tf.constant(some)))
    if not all(np.isfinite(values).all() for values in expected.values()):
        raise Diverged("after training, the network's outputs are NaN or infinite: lower learning_rate")
    context.progress.doing("saving and checking the SavedModel", logged=True)
    with clock("save"):
        artifacts.save(serving.model, path, serving.function)
    if (scratch / "history.csv").exists():
        shutil.copy(scratch / "history.csv", out / "history.csv")
    with clock("load"):
        loaded = artifacts.load(path)
    with clock("evaluate"):
        # eagerly: tracing the network that was read back would take longer than all the rest
        check_same_outputs(as_arrays(named(task, loaded(some, training=False))), expected)
        predictor, test = KerasPredictor(serving.function), context.dataset.test
        test_outputs = outputs(predictor, test)
        write_outputs(out / TEST_OUTPUTS, test_outputs)
        if collapse := task.collapse(test_outputs, test.targets.arrays()):
            context.progress.say(
                f"    note: the network {collapse}, so it has learned nothing; try a smaller learning_rate"
            )
        write_outputs(out / VALIDATION_OUTPUTS, outputs(predictor, context.dataset.validation))
        whole_images = measured_whole(loaded, context)
    context.finished(loaded)
    return NetworkFacts(
        precision=precision,
        task=config.as_dict(task),
        score=task.score(test_outputs, test.targets.arrays()),
        params=parameters(loaded),
        kernel_sparsity=kernel_sparsity(prunable_kernels(loaded)),
        whole_images=whole_images,
        correction=dict(correction or {}),
        fit=context.fit,
        label_names=list(context.dataset.label_names),
    )


def parameters(model: Any) -> int:
    """How many floating-point weights the network has; counters of wrappers are no parameters."""
    return sum(int(np.prod(weight.shape)) for weight in model.weights if weight.dtype.is_floating)
