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
from compress.evaluate.predictors import batch_of
from compress.metrics.counting import counts
from compress.rewrite.last_bias import last_biases
from compress.stages.base import Context
from compress.stages.serving import Serving

ROUNDS = 4
WORTH_SAYING = 0.05
"""Things: a mean error of as many is said."""
MOST_IMAGES = 200
Sums = Mapping[str, np.ndarray]
"""Output -> the sum of each image, (n,)."""


def as_targets_say(serving: Serving, context: Context) -> dict[str, float]:
    """Corrects a trained network, in place, on some training images; {} for a task without sums."""
    train = context.dataset.train
    chosen = np.random.default_rng(context.seed).permutation(len(train))[:MOST_IMAGES]
    targets = train.targets.take(chosen).arrays()
    wanted = {output: targets[name] for output, name in context.task.SUMS.items()}
    return _correct(serving, train, chosen, wanted, context) if wanted else {}


def as_before(serving: Serving, context: Context, stage: str) -> dict[str, float]:
    """Corrects a quantized network, in place, on the validation images, by what the ``stage`` before said of them."""
    before = context.validation_outputs(stage)
    wanted = {output: counts(before[output]) for output in context.task.SUMS}
    validation = context.dataset.validation
    return _correct(serving, validation, np.arange(len(validation)), wanted, context) if wanted else {}


def _correct(serving: Serving, images: Split, rows: np.ndarray, wanted: Sums, context: Context) -> dict[str, float]:
    """Adds to the last biases what is missing, by the secant method: what is behind them may multiply it.

    What comes nearest is kept. Returns the mean error of the first output's sums before and after.
    """
    biases = dict(zip(wanted, last_biases(serving.model), strict=False))
    missing, cells = _missing(serving, images, rows, wanted)
    before = next(iter(missing.values()))
    best = (abs(before), {output: bias.numpy() for output, bias in biases.items()}, before)
    slopes = {output: float(cells[output]) for output in biases}  # what 1 added to the bias adds to the sum
    for _ in range(ROUNDS if biases else 0):
        steps = {output: missing[output] / slopes[output] for output in biases}
        for output, bias in biases.items():
            bias.assign_add(np.full(bias.shape, steps[output], np.float32))
        left, _ = _missing(serving, images, rows, wanted)
        for output in biases:
            moved = missing[output] - left[output]
            if moved * steps[output] > 0:
                slopes[output] = moved / steps[output]
        missing, now = left, next(iter(left.values()))
        if abs(now) < best[0]:
            best = (abs(now), {output: bias.numpy() for output, bias in biases.items()}, now)
    for output, bias in biases.items():
        bias.assign(best[1][output])
    if abs(before) > WORTH_SAYING:
        many = "many" if before < 0 else "few"
        rest = f", {best[0]:.2g} is left" if best[0] > WORTH_SAYING else ""
        context.progress.say(
            f"    the mean count was {abs(before):.3g} too {many}: the last bias was set{rest}"
            if best[0] < abs(before)
            else f"    note: the mean count is {abs(before):.3g} too {many}, and no bias at the end can correct it"
        )
    return {"bias_before": -before, "bias_after": -best[2]}


def _missing(
    serving: Serving, images: Split, rows: np.ndarray, wanted: Sums
) -> tuple[dict[str, float], dict[str, int]]:
    """(by how much the sum of each output is too low, on average over the images; how many values it has)."""
    predict, batch = KerasPredictor(serving.function), batch_of(images.shape)
    parts = [predict(images.read(rows[start : start + batch])) for start in range(0, len(rows), batch)]
    sums = {output: np.concatenate([counts(part[output]) for part in parts]) for output in wanted}
    missing = {output: float(np.mean(wanted[output] - sums[output])) for output in wanted}
    return missing, {output: int(np.prod(parts[0][output].shape[1:])) for output in wanted}
