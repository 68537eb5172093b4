"""The metrics of calibration by hand; the temperature against a fine grid."""

import math

import numpy as np
import pytest

from compress.metrics import confidence
from compress.metrics.classification import top5
from compress.metrics.confidence import brier, expected_calibration_error, fit_temperature, log_probabilities, nll

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(0, 3, (400, 7))
# some labels follow the logits, some do not: neither always right nor at random
LABELS = np.where(RNG.random(400) < 0.6, LOGITS.argmax(-1), RNG.integers(0, 7, 400))


def rows(confidences, right):
    """(log p, labels) of two classes: the first is predicted with these confidences, and is the label where right."""
    p = np.array(confidences, float)
    with np.errstate(divide="ignore"):
        return np.log(np.stack([p, 1 - p], axis=-1)), np.where(right, 0, 1)


def ece(log_p, labels, bins=15):
    return expected_calibration_error(confidence.reliability(log_p, labels, bins))


FIVE = rows([0.95, 0.85, 0.75, 0.65, 0.55], [1, 1, 0, 1, 0])


@pytest.mark.parametrize(("bins", "wanted"), [(5, 0.23), (10, 0.37)])
def test_ece_by_hand(bins, wanted):
    """5 bins: (|1 - 0.9| * 2 + |0.5 - 0.7| * 2 + 0.55) / 5. 10 bins: (0.05 + 0.15 + 0.75 + 0.35 + 0.55) / 5."""
    assert ece(*FIVE, bins) == pytest.approx(wanted)


def test_a_perfectly_calibrated_network_has_no_ece():
    confidences = [0.6] * 10 + [0.8] * 10
    assert ece(*rows(confidences, [1] * 6 + [0] * 4 + [1] * 8 + [0] * 2)) == pytest.approx(0, abs=1e-12)


def test_always_sure_and_right_in_seven_of_ten():
    assert ece(*rows([1.0] * 10, [1] * 7 + [0] * 3)) == pytest.approx(0.3)


def test_a_bin_holds_its_upper_edge_and_not_its_lower():
    found = confidence.reliability(*rows([0.6, 0.8, 1.0], [1, 1, 0]), bins=5)
    assert found["images"] == [0, 0, 1, 1, 1]
    assert found["accuracy"] == [None, None, 1, 1, 0]
    assert found["confidence"][2:] == pytest.approx([0.6, 0.8, 1.0])


def test_the_bins_hold_every_image_once():
    log_p = log_probabilities(LOGITS)
    found = confidence.reliability(log_p, LABELS)
    assert len(found["images"]) == 15
    assert sum(found["images"]) == 400
    accuracy = sum(n * a for n, a in zip(found["images"], found["accuracy"], strict=True) if n) / 400
    assert accuracy == pytest.approx((LOGITS.argmax(-1) == LABELS).mean())
    for number, (count, sure) in enumerate(zip(found["images"], found["confidence"], strict=True)):
        assert count == 0 or number / 15 < sure <= (number + 1) / 15


def test_nll_and_brier_by_hand():
    """p = (0.7, 0.2, 0.1) twice, labels 0 and 2: Brier 0.09 + 0.04 + 0.01 and 0.49 + 0.04 + 0.81."""
    log_p = np.log([[0.7, 0.2, 0.1]] * 2)
    assert nll(log_p, np.array([0, 2])) == pytest.approx(-(math.log(0.7) + math.log(0.1)) / 2)
    assert brier(log_p, np.array([0, 2])) == pytest.approx((0.14 + 1.34) / 2)
    np.testing.assert_allclose(log_p, np.log([[0.7, 0.2, 0.1]] * 2))  # nothing was changed in place
    assert nll(log_probabilities(np.array([[1.0, 2, 0]])), np.array([0])) == pytest.approx(1.407606, abs=1e-6)
    assert brier(*rows([1.0], [0])) == pytest.approx(2)


def test_log_p_of_logits_and_of_probabilities_is_the_same():
    p = np.exp(log_probabilities(LOGITS))
    np.testing.assert_allclose(p.sum(-1), 1)
    np.testing.assert_allclose(log_probabilities(p, probabilities=True), log_probabilities(LOGITS), atol=1e-9)
    np.testing.assert_allclose(log_probabilities(LOGITS + 100), log_probabilities(LOGITS), atol=1e-9)
    huge = log_probabilities(np.float32([[3e38, 0]]))
    assert huge[0].tolist() == [0, pytest.approx(-3e38)]


def test_a_probability_of_zero_has_a_likelihood_all_the_same():
    log_p = log_probabilities(np.float32([[1, 0], [0, 1]]), probabilities=True)
    assert nll(log_p, np.array([0, 0])) == pytest.approx(87.3365 / 2, abs=1e-3)


def test_the_temperature_is_the_best_of_a_fine_grid():
    log_p = log_probabilities(LOGITS)
    found = fit_temperature(log_p, LABELS)
    grid = np.arange(0.5, 10, 0.01)
    best = grid[np.argmin([nll(log_probabilities(log_p / t), LABELS) for t in grid])]
    assert found == pytest.approx(best, abs=0.006)
    least = nll(log_probabilities(log_p / found), LABELS)
    assert least < nll(log_p, LABELS)
    assert least <= min(nll(log_probabilities(log_p / (found * f)), LABELS) for f in (0.999, 1.001))


def test_twice_the_logits_have_twice_the_temperature():
    once, twice = (fit_temperature(log_probabilities(factor * LOGITS), LABELS) for factor in (1, 2))
    assert twice == pytest.approx(2 * once, rel=1e-9)


def test_a_temperature_by_hand():
    """Two classes, a margin of log 9 (p = 0.9), right in 3 of 4: the likeliest p is 0.75, so T = log 9 / log 3 = 2."""
    log_p, labels = rows([0.9] * 4, [1, 1, 1, 0])
    assert fit_temperature(log_p, labels) == pytest.approx(2)
    found = confidence.measure(log_p, labels, log_p, labels)
    assert found["nll_scaled"] == pytest.approx(-(3 * math.log(0.75) + math.log(0.25)) / 4)
    assert found["ece"] == pytest.approx(0.15)
    assert found["ece_scaled"] == pytest.approx(0, abs=1e-9)


def test_no_temperature_where_every_image_is_right_or_nothing_is_known():
    log_p = log_probabilities(LOGITS)
    assert fit_temperature(log_p, LOGITS.argmax(-1)) is None
    assert fit_temperature(log_p, LOGITS.argmin(-1)) is None
    found = confidence.measure(LOGITS, LOGITS.argmax(-1), LOGITS, LABELS)
    assert [found[name] for name in ("temperature", "nll_scaled", "ece_scaled")] == [None] * 3
    assert found["nll"] == nll(log_p, LABELS)


def test_top5_by_hand():
    outputs = np.tile(np.float32([6, 5, 4, 3, 2, 1, 0]), (4, 1))
    assert top5(outputs, np.array([0, 4, 5, 6])) == 0.5
    assert top5(np.zeros((2, 6)), np.array([4, 5])) == 0.5  # the first of equals, as for top-1
    assert top5(outputs[:, :6], np.array([4, 4, 4, 5])) == 0.75
    assert top5(outputs[:, :5], np.array([0, 1, 2, 3])) is None


def test_a_measurement_has_it_all_for_logits_and_for_logarithms_of_probabilities():
    half = slice(0, 200), slice(200, 400)
    of_logits = confidence.measure(LOGITS[half[0]], LABELS[half[0]], LOGITS[half[1]], LABELS[half[1]])
    p = log_probabilities(np.exp(log_probabilities(LOGITS)), probabilities=True)
    of_p = confidence.measure(p[half[0]], LABELS[half[0]], p[half[1]], LABELS[half[1]])
    assert list(of_logits) == [
        "top1", "top5", "nll", "brier", "ece", "temperature", "nll_scaled", "ece_scaled",
    ]  # fmt: skip
    for name in ("top1", "top5", "nll", "brier", "ece", "temperature", "nll_scaled", "ece_scaled"):
        assert of_p[name] == pytest.approx(of_logits[name], rel=1e-6), name
        assert type(of_logits[name]) is float
    assert of_logits["nll_scaled"] < of_logits["nll"]  # fitted on the one half, it helps on the other
    assert of_logits["top1"] == (LOGITS[half[1]].argmax(-1) == LABELS[half[1]]).mean()
