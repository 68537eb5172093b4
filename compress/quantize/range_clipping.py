"""Ranges cut short: where a few values lie far out, a finer grid for all the others can be worth more.

A histogram of every tensor over the calibration images says where. ``percentile`` leaves a share of the values out at
each end; ``entropy`` cuts where the quantized values keep most of the distribution (Migacz, "8-bit inference with
TensorRT", 2017).
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from compress import keras
from compress.quantize.calibrate import activations
from compress.rewrite.layer_kinds import Range

BINS = 2048  # on each side of 0
STEP = 8  # bins between two cuts that are compared

# (counts of values in equal bins over [-limit, limit], limit) -> the range that is kept of it
Clip = Callable[[np.ndarray, float], Range]


def clipped(model: Any, batches: Iterable[np.ndarray], ranges: dict[str, Range], clip: Clip | None) -> dict[str, Range]:
    """``ranges`` (layer name -> min and max over the same batches) cut by ``clip``; as they are if it is None."""
    if clip is None:
        return ranges
    calls = list(activations(model))
    tapped = keras.Model(model.inputs, [tensor for _, tensor in calls])
    limits = {name: max(-ranges[name][0], ranges[name][1]) for name, _ in calls}
    counts = {name: np.zeros(2 * BINS, np.int64) for name, limit in limits.items() if limit > 0}
    for batch in batches:
        for (name, _), values in zip(calls, keras.tf.nest.flatten(tapped(batch, training=False)), strict=True):
            if name in counts:
                counts[name] += np.histogram(values.numpy(), 2 * BINS, (-limits[name], limits[name]))[0]
    cut = dict(ranges)
    for name, histogram in counts.items():
        low, high = clip(histogram, limits[name])
        cut[name] = (max(ranges[name][0], min(low, 0.0)), min(ranges[name][1], max(high, 0.0)))
    return cut


def percentile(counts: np.ndarray, limit: float, percent: float) -> Range:
    """Leaves (100 - percent) % of the values out at either end, to a bin: nothing for 100."""
    edges = np.linspace(-limit, limit, len(counts) + 1)
    below = np.concatenate([[0.0], np.cumsum(counts) / counts.sum()])  # share of the values below each edge
    low = np.searchsorted(below, 1 - percent / 100, side="right") - 1
    return float(edges[low]), float(edges[np.searchsorted(below, percent / 100)])


def entropy(counts: np.ndarray, limit: float) -> Range:
    """Cuts the magnitudes where the divergence of the quantized distribution is least; the same cut on both sides.

    int8 has 256 steps for values of one sign, 128 for the magnitudes of both.
    """
    left, right = np.split(counts, 2)
    magnitudes = right + left[::-1]
    magnitudes[0] = magnitudes[1]  # 0 is on every grid and most of what a ReLU gives: no say, as in TensorRT
    levels = 128 if left.any() and right.any() else 256
    cuts = range(len(magnitudes), levels - 1, -STEP)  # of equals the widest
    cut = limit * min(cuts, key=lambda bins: clipping_divergence(magnitudes, bins, levels)) / len(magnitudes)
    return -cut, cut


def clipping_divergence(counts: np.ndarray, bins: int, levels: int) -> float:
    """D(P || Q) in nats: what the first ``bins`` bins tell, P, lose by being told in ``levels`` steps, Q.

    P counts all that lies beyond in its last bin, as clipping does. Q knows nothing of that, and shares the values of a
    step out evenly among its bins that are not empty.
    """
    inside = counts[:bins].astype(np.float64)
    clipped_p = inside.copy()
    clipped_p[-1] += counts[bins:].sum()
    starts = np.arange(levels) * bins // levels
    filled = inside > 0
    each = np.add.reduceat(inside, starts) / np.maximum(1, np.add.reduceat(filled.astype(int), starts))
    q = np.repeat(each, np.diff([*starts, bins])) * filled
    if np.any((clipped_p > 0) & (q == 0)) or not q.any():  # values where the steps have none
        return float("inf")
    p = clipped_p[filled] / clipped_p.sum()
    return float(np.sum(p * np.log(p / (q[filled] / q.sum()))))
