"""Ranges from calibration data, and which tensors share one."""

import numpy as np
import pytest

from compress import keras
from compress.quantize.calibrate import observe, same_scale_groups, shared

layers = keras.layers


def dense_block():
    """A pool, then two layers of a dense block: what a concatenation ties."""
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(4, 3, padding="same", name="stem")(image)
    x = layers.MaxPooling2D(name="pool")(x)
    for number in (1, 2):
        y = layers.DepthwiseConv2D(1, name=f"norm{number}")(x)
        y = layers.Conv2D(2, 3, padding="same", name=f"conv{number}")(y)
        x = layers.Concatenate(name=f"concat{number}")([x, y])
    x = layers.Conv2D(4, 1, name="transition")(x)
    x = layers.AveragePooling2D(name="average")(x)
    x = layers.GlobalAveragePooling2D(name="global")(x)
    return keras.Model(image, layers.Dense(3, name="head")(x))


def test_a_dense_block_is_one_group():
    groups = same_scale_groups(dense_block())
    members = {}
    for name, group in groups.items():
        members.setdefault(group, set()).add(name)
    assert sorted(members.values(), key=sorted) == sorted(
        [
            {"image"},
            {"stem", "pool", "conv1", "concat1", "conv2", "concat2"},
            {"norm1"},
            {"norm2"},
            {"transition", "average"},
            {"global"},
            {"head"},
        ],
        key=sorted,
    )


def test_padding_and_reshaping_tie_an_addition_does_not():
    image = keras.Input((4, 4, 2), name="image")
    x = layers.ZeroPadding2D(name="pad")(image)
    y = layers.Conv2D(2, 1, name="conv")(x)
    x = layers.Flatten(name="flat")(layers.Add(name="sum")([x, y]))
    groups = same_scale_groups(keras.Model(image, x))
    assert groups["image"] == groups["pad"]
    assert groups["sum"] == groups["flat"]
    assert len(set(groups.values())) == 3


def test_min_and_max_by_hand():
    image = keras.Input((2, 2, 1), name="image")
    x = layers.Conv2D(2, 1, name="conv")(image)
    model = keras.Model(image, layers.GlobalMaxPooling2D(name="pool")(x))
    # channels: 3x - 1 and 0.5 - x
    model.get_layer("conv").set_weights([np.float32([[[[3, -1]]]]), np.float32([-1, 0.5])])
    first, second = np.full((1, 2, 2, 1), 0.5, "float32"), np.full((2, 2, 2, 1), 0.25, "float32")
    second[1, 0, 0] = 1
    ranges = observe(model, [first, second])
    assert ranges == {"image": (0.0, 1.0), "conv": (-0.5, 2.0), "pool": (-0.25, 2.0)}


def test_ranges_hold_zero_and_the_inputs_is_that_of_pixels():
    image = keras.Input((2, 2, 1), name="image")
    model = keras.Model(image, layers.DepthwiseConv2D(1, name="conv")(image))
    model.get_layer("conv").set_weights([np.float32([[[[1]]]]), np.float32([2])])
    assert observe(model, [np.full((1, 2, 2, 1), 51 / 255, "float32")]) == {
        "image": (0.0, 1.0),
        "conv": (0.0, pytest.approx(2.2)),
    }
    model.get_layer("conv").set_weights([np.float32([[[[1]]]]), np.float32([-2])])
    assert observe(model, [np.full((1, 2, 2, 1), 0.5, "float32")])["conv"] == (-1.5, 0.0)


@pytest.mark.parametrize(
    ("examples", "limits"),
    [
        (np.float32([0.5, 0.25]), (0.0, 0.5)),
        (np.float32([-3, 7]), (-3.0, 7.0)),
        (np.float32([1e-6, 2e-6]), (0.0, 2e-6)),
        (np.float32([0, 3, 10]) / 255, (0.0, 1.0)),
        (np.float32([0, 256]) / 255, (0.0, 256 / 255)),
    ],
)
def test_the_range_of_data_that_are_no_pixels_is_measured(examples, limits):
    vector = keras.Input((1,), name="vector")
    model = keras.Model(vector, layers.Dense(1)(vector))
    assert observe(model, [examples[:1, None], examples[1:, None]])["vector"] == pytest.approx(limits)


def test_batch_norm_uses_its_statistics_and_keeps_them():
    image = keras.Input((2, 2, 1), name="image")
    model = keras.Model(image, layers.BatchNormalization(name="norm", epsilon=0.25)(image))
    ones = np.float32([1])
    model.get_layer("norm").set_weights([3 * ones, ones, 0 * ones, 2 * ones])  # 2 * x + 1
    ranges = observe(model, [np.linspace(0, 1, 4, dtype="float32").reshape(1, 2, 2, 1)])
    assert ranges["norm"] == pytest.approx((0.0, 3.0))
    np.testing.assert_array_equal(model.get_layer("norm").moving_mean, [0])


def test_a_shared_layers_range_is_that_of_all_its_calls():
    image = keras.Input((2, 2, 1), name="image")
    double = layers.DepthwiseConv2D(1, name="double")
    model = keras.Model(image, double(double(double(image))))
    double.set_weights([np.float32([[[[-2]]]]), np.float32([0])])
    # -2, then 4, then -8
    assert observe(model, [np.ones((1, 2, 2, 1), "float32")])["double"] == (-8.0, 4.0)


def test_a_group_shares_the_union():
    ranges = {"a": (-1.0, 2.0), "b": (-3.0, 1.0), "c": (0.0, 5.0)}
    assert shared(ranges, {"a": "a", "b": "a", "c": "c"}) == {"a": (-3.0, 2.0), "b": (-3.0, 2.0), "c": (0.0, 5.0)}
