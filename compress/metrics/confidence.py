"""How far a classifier's confidence is to be believed: negative log-likelihood, Brier score, expected calibration
error, and temperature scaling (Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", ICML 2017).

All of it takes log-probabilities, float64 (n, classes), which ``log_probabilities`` makes of what a network or a
.tflite gives, and labels, int64 (n,); n is at least 1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .classification import top1, top5

BINS = 15
TEMPERATURES = (0.01, 100.0)  # beyond these a validation split does not determine one
SMALLEST = float(np.finfo(np.float32).tiny)


def log_probabilities(outputs: np.ndarray, probabilities: bool = False) -> np.ndarray:
    """Natural logarithms of each row's probabilities, of logits, or of ``probabilities``, (n, classes) of any float.

    A softmax in float32 gives exact zeros: they count as its smallest number, 1.2e-38.
    """
    values = np.asarray(outputs, np.float64)
    values = np.log(np.maximum(values, SMALLEST)) if probabilities else values
    values = values - values.max(axis=-1, keepdims=True)
    return values - np.log(np.exp(values).sum(axis=-1, keepdims=True))


def nll(log_p: np.ndarray, labels: np.ndarray) -> float:
    """Negative log-likelihood: the mean over images of -log p(label), natural log, at least 0."""
    return float(-log_p[np.arange(len(labels)), labels].mean())


def brier(log_p: np.ndarray, labels: np.ndarray) -> float:
    """Brier score (Brier, 1950): squared distance to the label's unit vector, summed over classes, mean over images; 0
    to 2."""
    distance = np.exp(log_p)
    distance[np.arange(len(labels)), labels] -= 1
    return float(np.square(distance).sum(axis=-1).mean())


def reliability(log_p: np.ndarray, labels: np.ndarray, bins: int = BINS) -> dict[str, list[Any]]:
    """The images by their confidence (the largest probability), in so many bins (low, high] of equal width over (0, 1].

    A list each, by bin: ``images`` counts them, ``confidence`` and ``accuracy`` are means over them, None for none.
    """
    confidence = np.exp(log_p.max(axis=-1))
    right = log_p.argmax(axis=-1) == labels
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.digitize(confidence, edges, right=True) - 1, 0, bins - 1)
    members = [place == number for number in range(bins)]
    return {
        "images": [int(member.sum()) for member in members],
        "confidence": [float(confidence[member].mean()) if member.any() else None for member in members],
        "accuracy": [float(right[member].mean()) if member.any() else None for member in members],
    }


def expected_calibration_error(bins: dict[str, list[Any]]) -> float:
    """ECE (Naeini, Cooper and Hauskrecht, 2015; Guo et al., equation 3) of what ``reliability`` gives: the mean over
    images of |accuracy - confidence| of their bin, a fraction in [0, 1]."""
    columns = zip(bins["images"], bins["confidence"], bins["accuracy"])
    gaps = sum(count * abs(accuracy - confidence) for count, confidence, accuracy in columns if count)
    return gaps / sum(bins["images"])


def fit_temperature(log_p: np.ndarray, labels: np.ndarray) -> float | None:
    """The T > 0 for which softmax(log p / T) has the smallest NLL (Guo et al., section 4.2).

    The NLL is convex in 1/T, so its slope there has one zero at most. None if that is not within TEMPERATURES: the
    smaller T, the likelier, where every image is right, and the larger, where the network knows nothing.
    """
    from scipy.optimize import brentq

    wanted = log_p[np.arange(len(labels)), labels]

    def slope(log_sharpness: float) -> float:
        """Of the NLL by s = 1/T: the mean of E[log p] - log p(label), the expectation by softmax(s log p)."""
        p = np.exp(log_probabilities(math.exp(log_sharpness) * log_p))
        return float(((p * log_p).sum(axis=-1) - wanted).mean())

    dullest, sharpest = -math.log(TEMPERATURES[1]), -math.log(TEMPERATURES[0])
    if not slope(dullest) < 0 < slope(sharpest):
        return None
    return math.exp(-brentq(slope, dullest, sharpest))


def measure(
    validation: np.ndarray,
    validation_labels: np.ndarray,
    test: np.ndarray,
    test_labels: np.ndarray,
) -> dict[str, float | None]:
    """All metrics of a classifier on its test split; the temperature is fitted on the validation split.

    Outputs (n, classes) are logits. Gives fractions ``top1``, ``top5`` (None for fewer than 6
    classes) and ``ece``, ``nll`` in nats, ``brier``, the ``temperature``, with it ``nll_scaled`` and ``ece_scaled``
    (all three None if none fits, see ``fit_temperature``).
    """
    log_p = log_probabilities(test)
    bins = reliability(log_p, test_labels)
    temperature = fit_temperature(log_probabilities(validation), validation_labels)
    scaled = None if temperature is None else log_probabilities(log_p / temperature)
    return {
        "top1": top1(test, test_labels),
        "top5": top5(test, test_labels),
        "nll": nll(log_p, test_labels),
        "brier": brier(log_p, test_labels),
        "ece": expected_calibration_error(bins),
        "temperature": temperature,
        "nll_scaled": None if scaled is None else nll(scaled, test_labels),
        "ece_scaled": None if scaled is None else expected_calibration_error(reliability(scaled, test_labels)),
    }
