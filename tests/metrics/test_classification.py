"""Metrics of a classification, by hand."""

import numpy as np
import pytest

from compress.metrics import classification
from compress.tasks.classification import accuracy, cross_entropy

OUTPUTS = np.float32([[0.2, 0.5, 0.3], [9, -1, 0], [-3, -2, -1], [0, 0, 1]])


def test_top1():
    assert classification.top1(OUTPUTS, np.array([1, 0, 2, 2])) == 1
    assert classification.top1(OUTPUTS, np.array([1, 1, 2, 0])) == 0.5
    assert classification.top1(OUTPUTS, np.array([0, 1, 0, 0])) == 0
    assert isinstance(classification.top1(OUTPUTS, np.array([1, 0, 2, 2])), float)


def test_accuracy_is_top1_of_a_batch():
    labels = np.array([1, 1, 2, 2])
    assert float(accuracy(OUTPUTS, labels)) == classification.top1(OUTPUTS, labels) == 0.75


def test_agreement():
    other = OUTPUTS.copy()
    other[0] = [1, 0, 0]
    assert classification.agreement(OUTPUTS, OUTPUTS) == 1
    assert classification.agreement(OUTPUTS, 10 * other) == 0.75


def test_cross_entropy_of_equal_logits_is_the_log_of_the_classes():
    assert float(cross_entropy(np.ones((4, 10), "float32"), np.arange(4))) == pytest.approx(np.log(10))
    assert float(cross_entropy(np.float32([[0, 1000]]), np.array([0]))) == 1000
