"""Counting: the sum of a density map against the number of points."""

from __future__ import annotations

from typing import Any, Mapping

import numpy as np

Arrays = Mapping[str, np.ndarray]


def counts(density: np.ndarray) -> np.ndarray:
    """The sum of each map (n, ...), float64 (n,)."""
    return density.reshape(len(density), -1).sum(axis=1, dtype=np.float64)


def mae(counted: np.ndarray, true: np.ndarray) -> float:
    """Mean absolute error of counts, (n,) each."""
    return float(np.abs(counted - true).mean())


def rmse(counted: np.ndarray, true: np.ndarray) -> float:
    """Root of the mean squared error of counts, (n,) each; papers on crowds print it as "MSE"."""
    return float(np.sqrt(np.square(counted - true).mean()))


def bias(counted: np.ndarray, true: np.ndarray) -> float:
    """Mean error: above 0 where too many are counted."""
    return float((counted - true).mean())


def measure(outputs: Arrays, targets: Arrays, task: Any = None) -> dict[str, float | None]:
    """``mae``, ``rmse`` and ``bias`` of the only output, maps (n, ...), and of ``counts`` (n,)."""
    (density,) = outputs.values()
    counted, true = counts(density), targets["counts"].astype(np.float64)
    return {"mae": mae(counted, true), "rmse": rmse(counted, true), "bias": bias(counted, true)}


def same(outputs: Arrays, others: Arrays, task: Any = None) -> np.ndarray:
    """Whether both count the same number of things in an image, rounded to a whole one. bool (n,)."""
    (density,), (other,) = outputs.values(), others.values()
    return np.rint(counts(density)) == np.rint(counts(other))
