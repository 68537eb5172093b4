"""Regression by hand: losses in deviations, numbers in their units, bounds of a file."""

import numpy as np
import pytest

from compress import keras
from compress.datasets.splits import ArraySplit, Dataset
from compress.errors import UserError
from compress.targets import Quantities
from compress.tasks import Regression

VALUES = np.float32([[10, 1], [14, 1], [18, 4]])  # deviations sqrt(32 / 3) and sqrt(2); means 14 and 2


def dataset(values=VALUES, names=("a", "b")):
    split = ArraySplit(np.zeros((len(values), 8, 8, 3), np.uint8), Quantities(values), 8)
    return Dataset.of("made", names, split, split, split, task="regression")


def fitted(**settings):
    return Regression(**settings).fitted(dataset())


def loss(task, numbers, values):
    return float(task.loss({"numbers": np.float32(numbers)}, {"values": np.float32(values)}))


def test_deviation_and_mean_are_those_of_the_training_targets():
    task = fitted()
    assert task.scale == pytest.approx([np.sqrt(32 / 3), np.sqrt(2)])
    assert task.offset == pytest.approx([14, 2])
    assert Regression(scale=(2.0, 3.0), offset=(0.0, 0.0)).fitted(dataset()).scale == (2.0, 3.0)


def test_the_squared_error_is_in_deviations():
    task = fitted(scale=(2.0, 10.0), offset=(0.0, 0.0))
    # errors of 2 and 0.5 deviations: (4 + 0.25) / 2
    assert loss(task, [[4, 5]], [[0, 0]]) == pytest.approx(2.125)


def test_hubers_function_by_hand():
    task = fitted(scale=(2.0, 10.0), offset=(0.0, 0.0), loss_function="huber", huber_delta=1.0)
    # 1 * (2 - 1 / 2) and 0.5^2 / 2
    assert loss(task, [[4, 5]], [[0, 0]]) == pytest.approx((1.5 + 0.125) / 2)
    wide = fitted(scale=(2.0, 10.0), offset=(0.0, 0.0), loss_function="huber", huber_delta=3.0)
    assert loss(wide, [[4, 5]], [[0, 0]]) == pytest.approx((2.0 + 0.125) / 2)


def test_the_head_begins_at_the_mean_in_the_units_of_the_targets():
    task, features = fitted(), keras.Input((3,))
    network = keras.Model(features, task.head(dataset())(features))
    network.get_layer("predictions").set_weights([np.zeros((3, 2)), np.array([0, 1])])
    np.testing.assert_allclose(network(np.ones((1, 3)))[0], [14, 2 + np.sqrt(2)], rtol=1e-6)


@pytest.mark.parametrize(("precision", "deviations", "faithful"), [
    ("float32", 0.9e-4, True), ("float32", 1.5e-4, False),
    ("float16", 0.004, True), ("float16", 0.006, False), ("int8", 0.04, True), ("int8", 0.06, False),
    ("dynamic", 3.0, True),
])  # fmt: skip
def test_the_bound_of_a_file_in_deviations(precision, deviations, faithful):
    task = fitted(scale=(2.0, 10.0), offset=(0.0, 0.0))
    wanted = np.zeros((50, 2), np.float32)
    got = wanted + np.float32([2.0 * deviations, 0])
    found = task.departure({"numbers": wanted}, {"numbers": got}, {"values": wanted}, precision)
    assert (found.reason == "") == faithful
    assert found.facts["largest_difference"] == pytest.approx(deviations, rel=1e-4)


def test_two_images_may_depart_by_anything_in_int8():
    task = fitted(scale=(1.0, 1.0), offset=(0.0, 0.0))
    wanted, got = np.zeros((50, 2), np.float32), np.zeros((50, 2), np.float32)
    got[:2] = 5
    assert task.departure({"numbers": wanted}, {"numbers": got}, {}, "int8").reason == ""
    got[2] = 5
    assert "of the targets' deviation" in task.departure({"numbers": wanted}, {"numbers": got}, {}, "int8").reason


def test_what_cannot_be_learned_is_refused():
    flat = VALUES.copy()
    flat[:, 1] = 3
    with pytest.raises(UserError, match="b has the same value for every training image"):
        Regression().fitted(dataset(flat))
    with pytest.raises(UserError, match="scale and offset need 2 numbers each"):
        Regression(scale=(1.0,)).fitted(dataset())


def test_a_softmax_gives_no_numbers_and_a_plain_end_stays():
    image = keras.Input((4,))
    with pytest.raises(UserError, match="ends in a softmax"):
        Regression().own_end(keras.Model(image, keras.layers.Dense(3, activation="softmax")(image)), "net")
    plain = keras.Model(image, keras.layers.Dense(3)(image))
    assert Regression().own_end(plain, "net") is plain


def test_ranges_are_measured_at_both_ends_of_every_number():
    values = np.stack([np.arange(100.0), -(np.arange(100.0) ** 2)], axis=1)
    values[50, 1] = 7.0  # the largest of the second number
    rows = Regression().calibration_rows({"values": values})
    assert {0, 9, 50, 90, 99} <= set(rows.tolist())
    assert len(rows) == 21
