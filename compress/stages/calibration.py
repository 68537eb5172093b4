"""The images that ranges of activations are measured on."""

import numpy as np

from compress.evaluate.predictors import to_float
from compress.stages.base import Context


def calibration(context: Context, count: int) -> list[np.ndarray]:
    """Seeded images of the training split: float32 NHWC in [0, 1], in batches whose activations fit into memory."""
    train = context.dataset.train
    chosen = np.random.default_rng(context.seed).permutation(len(train))[:count]
    batch = max(1, 100 * 32**2 // context.size**2)
    return [to_float(train.read(chosen[start : start + batch])) for start in range(0, len(chosen), batch)]
