"""Errors of numbers by hand."""

import numpy as np
import pytest

from compress.metrics import regression

NUMBERS, VALUES = np.array([[1.0, 10], [2, 20], [6, 30]]), np.array([[1.0, 10], [4, 20], [4, 60]])


def test_by_hand():
    # errors 0, -2, 2 and 0, 0, -30
    assert regression.mae(NUMBERS, VALUES) == pytest.approx([4 / 3, 10])
    assert regression.rmse(NUMBERS, VALUES) == pytest.approx([np.sqrt(8 / 3), np.sqrt(300)])
    # around the mean 3: 4 + 1 + 1; around 30: 400 + 100 + 900
    assert regression.r2(NUMBERS, VALUES) == pytest.approx([1 - 8 / 6, 1 - 900 / 1400])


def test_the_mean_over_the_numbers():
    found = regression.measure({"numbers": NUMBERS}, {"values": VALUES})
    assert found["mae"] == pytest.approx((4 / 3 + 10) / 2)
    assert found["r2"] == pytest.approx((1 - 8 / 6 + 1 - 900 / 1400) / 2)


def test_what_is_the_same_everywhere_explains_nothing():
    flat = np.ones((3, 1))
    assert regression.measure({"numbers": flat}, {"values": flat})["r2"] is None


def test_small_differences_of_large_numbers_are_not_lost():
    values = np.full((4, 1), 1e7, np.float32)
    assert regression.mae(values + 1, values) == pytest.approx([1])
