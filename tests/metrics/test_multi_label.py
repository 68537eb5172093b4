"""Metrics of several classes an image, by hand and beside scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score

from compress.metrics import multi_label

RNG = np.random.default_rng(0)


def test_average_precision_by_hand():
    # ranked: yes, no, yes, no: precision 1 at recall 1/2 and 2/3 at recall 1
    scores, present = np.array([0.9, 0.8, 0.7, 0.1]), np.array([1, 0, 1, 0])
    assert multi_label.average_precision(scores, present) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert multi_label.average_precision(-scores, present) == pytest.approx(0.5 * 1 / 2 + 0.5 * 2 / 4)


def test_equal_scores_are_one_threshold():
    """All at once: precision is the share of images that have the class."""
    assert multi_label.average_precision(np.zeros(4), np.array([1, 0, 0, 0])) == 0.25


def test_a_class_that_no_image_has_counts_nowhere():
    assert multi_label.average_precision(np.arange(3.0), np.zeros(3)) is None
    scores = np.array([[0.9, 0.5], [0.1, 0.5]])
    assert multi_label.mean_average_precision(scores, np.array([[1, 0], [0, 0]])) == 1
    assert multi_label.mean_average_precision(scores, np.zeros((2, 2))) is None


def test_as_scikit_learn_has_them():
    scores = np.round(RNG.normal(size=(200, 4)), 1)  # with ties
    present = (scores + RNG.normal(size=scores.shape) > 0.5).astype("float32")
    each = [average_precision_score(present[:, number], scores[:, number]) for number in range(4)]
    assert multi_label.mean_average_precision(scores, present) == pytest.approx(np.mean(each), rel=1e-9)
    assert multi_label.f1(scores >= 0, present) == pytest.approx(f1_score(present, scores >= 0, average="micro"))


def test_f1_and_exact_match_by_hand():
    said, present = np.array([[1, 1, 0], [0, 0, 1]], bool), np.array([[1, 0, 0], [0, 0, 1]])
    # right 2, said 3, there 2: 2 * 2 / 5
    assert multi_label.f1(said, present) == pytest.approx(0.8)
    assert multi_label.exact_match(said, present) == 0.5
    assert multi_label.f1(said & False, present & 0) == 1


def test_logits_and_probabilities_say_the_same():
    logits = RNG.normal(0, 3, (50, 5))
    p = multi_label.probabilities(logits)
    np.testing.assert_allclose(p, 1 / (1 + np.exp(-logits)), rtol=1e-12)
    present = {"present": (RNG.random((50, 5)) < 0.4).astype("float32")}
    of_logits, of_p = (multi_label.measure(outputs, present) for outputs in ({"logits": logits}, {"probabilities": p}))
    assert of_p == pytest.approx(of_logits)
    assert multi_label.same({"logits": logits}, {"probabilities": p}).all()
    assert multi_label.probabilities(np.array([-1e4, 1e4])).tolist() == [0, 1]
