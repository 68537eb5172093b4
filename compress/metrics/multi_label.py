"""Several classes an image: how well their scores tell images that have a class from those that have not."""

from __future__ import annotations

from typing import Any, Mapping

import numpy as np

Arrays = Mapping[str, np.ndarray]

THRESHOLD = 0.5  # a class of this probability or more is said to be there


def average_precision(scores: np.ndarray, present: np.ndarray) -> float | None:
    """Area under the steps of precision over recall: sum over thresholds of (recall gained) * precision.

    scores (n,) any float, larger for likelier; present (n,) 0 or 1. Equal scores are one threshold. None where no image
    has the class.
    """
    if not present.any():
        return None
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(present[order], dtype=np.float64)
    last = np.append(np.diff(scores[order]) != 0, True)  # of each threshold
    precision = right[last] / (np.flatnonzero(last) + 1)
    recall = right[last] / right[-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def mean_average_precision(scores: np.ndarray, present: np.ndarray) -> float | None:
    """Mean of the average precision over the classes that any image has; (n, classes) each. None where none has one."""
    each = [average_precision(scores[:, number], present[:, number]) for number in range(scores.shape[1])]
    known = [value for value in each if value is not None]
    return float(np.mean(known)) if known else None


def f1(said: np.ndarray, present: np.ndarray) -> float:
    """2 * right / (said + present), counted over all images and classes (micro average); bool and 0 or 1 of one shape.

    1 where nothing is there and nothing is said.
    """
    right, total = float(np.sum(said * present)), float(np.sum(said) + np.sum(present))
    return 2 * right / total if total else 1.0


def exact_match(said: np.ndarray, present: np.ndarray) -> float:
    """Fraction in [0, 1] of the images of which all classes are said, and no other."""
    return float(np.mean((said == present.astype(bool)).all(axis=-1)))


def probabilities(logits: np.ndarray) -> np.ndarray:
    """The sigmoid of each logit, float64 in [0, 1]."""
    return 0.5 * (1 + np.tanh(np.asarray(logits, np.float64) / 2))


def said(outputs: Arrays) -> np.ndarray:
    """Which classes the only output says are there, bool (n, classes): a logit of 0 is a probability of 0.5."""
    ((name, values),) = outputs.items()
    return values >= (THRESHOLD if name == "probabilities" else 0.0)


def measure(outputs: Arrays, targets: Arrays, task: Any = None) -> dict[str, float | None]:
    """``map``, ``f1`` and ``exact_match`` of the only output, logits or "probabilities" (n, classes), and of
    ``present``, 0 or 1."""
    (scores,) = outputs.values()
    present, there = targets["present"], said(outputs)
    return {
        "map": mean_average_precision(scores, present),
        "f1": f1(there, present),
        "exact_match": exact_match(there, present),
    }


def same(outputs: Arrays, others: Arrays, task: Any = None) -> np.ndarray:
    """Of each image, whether both say the same classes: bool (n,)."""
    return (said(outputs) == said(others)).all(axis=-1)
