"""What `jetslim inspect` says of each layer, worked by hand on a small network."""

import numpy as np
import pytest

from compress import keras
from compress.inspection import Inspection, inspect, macs

layers = keras.layers


def network():
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(4, 3, padding="same", use_bias=False, name="conv")(image)
    x = layers.ReLU(name="relu")(layers.BatchNormalization(name="norm")(x))
    x = layers.BatchNormalization(name="alone")(layers.MaxPooling2D(name="pool")(x))
    x = layers.SeparableConv2D(6, 3, padding="same", name="separable")(x)
    x = layers.LayerNormalization(name="layer_norm")(x * 2.0)
    x = layers.AveragePooling2D(name="average")(layers.Dropout(0.5, name="dropout")(x))
    x = keras.Sequential([keras.Input((2, 2, 6)), layers.Conv2D(5, 1, name="inner")], name="nested")(x)
    x = layers.Activation("linear", name="nothing")(layers.GlobalAveragePooling2D(name="mean")(x))
    return keras.Model(image, layers.Dense(2, name="head")(x), name="small")


@pytest.fixture(scope="module")
def rows():
    return {row.layer: row for row in inspect(network()).rows}


@pytest.mark.parametrize(("layer", "becomes", "computes", "pruned"), [
    ("conv", "", "int8", "yes"),
    ("norm", "into conv", "-", "-"),
    ("relu", "into conv", "-", "-"),
    ("pool", "", "int8", "-"),
    ("alone", "1x1 depthwise convolution", "int8", "-"),
    ("separable", "DepthwiseConv2D + Conv2D", "int8", "yes"),
    ("layer_norm", "", "float: TFLite has no operator for it; its variance needs more than 8 bits", "-"),
    ("average", "depthwise convolution", "int8", "-"),
    ("nested/inner", "", "int8", "yes"),
    ("nothing", "nothing: it passes its input on", "-", "-"),
    ("head", "", "int8", "no: LiteRT refuses a sparse dense layer in int8"),
])  # fmt: skip
def test_a_row(rows, layer, becomes, computes, pruned):
    row = rows[layer]
    assert (row.becomes, row.computes, row.pruned) == (becomes, computes, pruned)


def test_parameters_and_macs_by_hand(rows):
    assert (rows["conv"].parameters, rows["conv"].macs) == (108, 8 * 8 * 108)
    # a depthwise 3x3 on 4 channels and 4 x 6, on 4x4 pixels; 6 biases
    assert (rows["separable"].parameters, rows["separable"].macs) == (36 + 24 + 6, 4 * 4 * 60)
    assert rows["nested/inner"].macs == 2 * 2 * 30
    assert rows["head"].macs == 10
    assert rows["pool"].macs == 0


def test_macs_of_a_transposed_a_grouped_and_a_shared_convolution():
    image = keras.Input((4, 4, 6))
    up, grouped = layers.Conv2DTranspose(5, 3, 2), layers.Conv2D(6, 3, padding="same", groups=2)
    up(grouped(grouped(image)))
    assert macs(up) == 4 * 4 * 3 * 3 * 5 * 6
    assert macs(grouped) == 2 * 4 * 4 * 3 * 3 * 3 * 6


def test_rounding_that_a_network_makes_much_of_is_no_fault_of_the_rewrite():
    image = keras.Input((8, 8, 3))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3)(image))
    x = layers.GlobalAveragePooling2D()(keras.tf.sin(x * 1e6))
    model = keras.Model(image, layers.Dense(2)(x))
    model.layers[2].moving_mean.assign([0.1, 0.2, 0.3, 0.4])
    found = inspect(model)
    assert found.difference > 1e-4
    assert found.rounding > found.difference / 10
    assert found.exact
    assert not Inspection([], 1e-3).exact
    assert Inspection([], 1e-5).exact


def test_the_summary_counts_and_the_difference_is_measured():
    found = inspect(network())
    assert found.refused == []
    assert [row.layer for row in found.in_float] == ["layer_norm"]
    assert 0 <= found.difference < 1e-5
    assert found.summary().startswith(f"{len(found.rows)} layers: ")
    assert "in float: layer_norm (TFLite has no operator" in found.summary()


def test_skip_and_keep_float_are_taken_into_account():
    rows = {row.layer: row for row in inspect(network(), ("conv",), ("head",)).rows}
    assert rows["conv"].pruned == "no: skip names it"
    assert rows["head"].computes == "float: keep_float asks for it"


def test_a_refused_layer_says_why():
    image = keras.Input((8, 8, 3))
    hidden = layers.Lambda(lambda x: x * 2, name="hidden")(image)
    found = inspect(keras.Model(image, layers.Conv2D(2, 1, name="conv")(hidden)))
    assert [row.layer for row in found.refused] == ["hidden"]
    assert found.refused[0].becomes.startswith("refused: it is a Lambda")
    assert np.isnan(found.difference)
