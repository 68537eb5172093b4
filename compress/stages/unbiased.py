"""Networks whose outputs' sums are not biased: what is a little too low at each place adds up.

The last bias gains what the sums lack on average. Of a trained network against its targets: with batch norms the mean
error is 0 in training, where each batch has statistics of its own, and need not be in inference. Of a quantized one
against the float network: Nagel, van Baalen, Blankevoort and Welling, "Data-Free Quantization Through Weight
Equalization and Bias Correction", ICCV 2019, section 4.2, who correct every layer's bias by its expected error.
"""

from collections.abc import Mapping

import numpy as np

from compress.datasets import Split
from compress.evaluate import KerasPredictor
from compress.quantize.ends import biases_at_the_end
from compress.stages.base import Context
from compress.stages.serving import Serving

ROUNDS = 3
MOST_IMAGES = 200
BATCH = 32
Sums = Mapping[str, np.ndarray]
"""Output -> the sum of each image, (n,)."""


def as_targets_say(serving: Serving, context: Context) -> dict[str, float]:
    """Corrects a trained network, in place, on some training images; {} for a task without sums."""
    train = context.dataset.train
    chosen = np.random.default_rng(context.seed).permutation(len(train))[:MOST_IMAGES]
    targets = train.targets.take(chosen).arrays()
    wanted = {output: targets[name] for output, name in context.task.SUMS.items()}
    return _correct(serving, train, chosen, wanted) if wanted else {}


def as_before(serving: Serving, context: Context, stage: str) -> dict[str, float]:
    """Corrects a quantized network, in place, on the validation images, by what the ``stage`` before said of them."""
    before = context.validation_outputs(stage)
    wanted = {output: _sums(before[output]) for output in context.task.SUMS}
    validation = context.dataset.validation
    return _correct(serving, validation, np.arange(len(validation)), wanted) if wanted else {}


def _correct(serving: Serving, images: Split, rows: np.ndarray, wanted: Sums) -> dict[str, float]:
    """Adds to the last biases what is missing, by the secant method: what is behind them may multiply it.

    Returns the mean error of the first output's sums before and after.
    """
    biases = dict(zip(wanted, biases_at_the_end(serving.model), strict=False))
    missing = _missing(serving, images, rows, wanted)
    errors = [-next(iter(missing.values()))]
    slopes = dict.fromkeys(biases, 1.0)  # what is added to the sum by 1 added to the bias
    for _ in range(ROUNDS if biases else 0):
        steps = {output: missing[output] / slopes[output] for output in biases}
        for output, bias in biases.items():
            bias.assign_add(np.full(bias.shape, steps[output], np.float32))
        left = _missing(serving, images, rows, wanted)
        moved = {output: missing[output] - left[output] for output in biases}
        slopes = {output: moved[output] / steps[output] if moved[output] else slopes[output] for output in biases}
        missing = left
        errors.append(-next(iter(missing.values())))
    return {"bias_before": errors[0], "bias_after": errors[-1]}


def _missing(serving: Serving, images: Split, rows: np.ndarray, wanted: Sums) -> dict[str, float]:
    """By how much the sum of each output is too low, on average over the images."""
    predict = KerasPredictor(serving.function)
    parts = [predict(images.read(rows[start : start + BATCH])) for start in range(0, len(rows), BATCH)]
    sums = {output: np.concatenate([_sums(part[output]) for part in parts]) for output in wanted}
    return {output: float(np.mean(wanted[output] - sums[output])) for output in wanted}


def _sums(values: np.ndarray) -> np.ndarray:
    """Of each image, float64 (n,)."""
    return values.reshape(len(values), -1).sum(axis=1, dtype=np.float64)
