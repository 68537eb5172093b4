"""The examples that ranges of activations are measured on."""

import math

import numpy as np

from compress.evaluate.predictors import to_float
from compress.stages.base import Context


def calibration(context: Context, count: int) -> list[np.ndarray]:
    """Seeded examples of the training split, those that the task needs first, float32 as networks read them, in
    batches whose activations fit into memory.
    """
    train = context.dataset.train
    order = np.random.default_rng(context.seed).permutation(len(train))
    needed = context.task.calibration_rows(train.targets.arrays())
    chosen = np.concatenate([needed, order[~np.isin(order, needed)]])[: max(count, len(needed))]
    batch = max(1, 100 * 32**2 // math.prod(context.shape[:-1]))
    return [to_float(train.read(chosen[start : start + batch])) for start in range(0, len(chosen), batch)]
