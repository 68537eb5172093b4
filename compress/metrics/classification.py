"""One class an image: how often the largest output is the label's."""

from __future__ import annotations

from typing import Any, Mapping

import numpy as np

Arrays = Mapping[str, np.ndarray]


def top1(outputs: np.ndarray, labels: np.ndarray) -> float:
    """Fraction in [0, 1] of the rows whose largest output (logit or probability) is the label's."""
    return float(np.mean(np.argmax(outputs, axis=-1) == labels))


def top5(outputs: np.ndarray, labels: np.ndarray) -> float | None:
    """Fraction in [0, 1] of the rows whose label is among the five largest outputs; None for fewer than 6 classes.

    Of equal outputs the first ones count as larger, as they do for ``top1``.
    """
    if outputs.shape[-1] < 6:
        return None
    five = np.argsort(-outputs, axis=-1, kind="stable")[:, :5]
    return float(np.mean((five == labels[:, None]).any(axis=-1)))


def agreement(a: np.ndarray, b: np.ndarray) -> float:
    """Fraction in [0, 1] of the rows on which two networks, of outputs ``a`` and ``b``, predict the same class."""
    return float(np.mean(np.argmax(a, axis=-1) == np.argmax(b, axis=-1)))


def measure(outputs: Arrays, targets: Arrays, task: Any = None) -> dict[str, float | None]:
    """``top1`` and ``top5`` of the only output, logits or probabilities (n, classes), and ``labels``, int (n,)."""
    (values,) = outputs.values()
    return {"top1": top1(values, targets["labels"]), "top5": top5(values, targets["labels"])}


def same(outputs: Arrays, others: Arrays, task: Any = None) -> np.ndarray:
    """Of each image, whether both say the same class: bool (n,)."""
    ((one,), (other,)) = outputs.values(), others.values()
    return one.argmax(axis=-1) == other.argmax(axis=-1)
