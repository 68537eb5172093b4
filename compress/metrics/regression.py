"""Numbers of an image: how far they are off, in the unit of each."""

from __future__ import annotations

from typing import Any, Mapping

import numpy as np

Arrays = Mapping[str, np.ndarray]


def mae(numbers: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Mean absolute error of each of the numbers; (n, numbers) each, gives (numbers,)."""
    return np.abs(_errors(numbers, values)).mean(axis=0)


def rmse(numbers: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Root of the mean squared error of each of the numbers; (n, numbers) each, gives (numbers,)."""
    return np.sqrt(np.square(_errors(numbers, values)).mean(axis=0))


def r2(numbers: np.ndarray, values: np.ndarray) -> np.ndarray:
    """1 - squared errors / squared distances of the values from their mean, of each number; gives (numbers,).

    1 is perfect, 0 is what the mean itself would reach. NaN for a number that is the same everywhere.
    """
    around = np.square(values - values.mean(axis=0, dtype=np.float64)).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1 - np.square(_errors(numbers, values)).sum(axis=0) / np.where(around > 0, around, np.nan)


def measure(outputs: Arrays, targets: Arrays, task: Any = None) -> dict[str, float | None]:
    """``mae``, ``rmse`` and ``r2`` of the only output (n, numbers) and of ``values``, each the mean over the numbers;
    ``r2`` is None where it has no value."""
    (numbers,) = outputs.values()
    values = targets["values"]
    explained = float(r2(numbers, values).mean())
    return {
        "mae": float(mae(numbers, values).mean()),
        "rmse": float(rmse(numbers, values).mean()),
        "r2": explained if np.isfinite(explained) else None,
    }


def same(outputs: Arrays, others: Arrays, task: Any = None) -> np.ndarray:
    """True of each image: numbers are never the same, and how near they are is another matter. bool (n,)."""
    (numbers,) = outputs.values()
    return np.ones(len(numbers), bool)


def _errors(numbers: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.asarray(numbers, np.float64) - values
