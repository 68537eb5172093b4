"""The end of a network whose output is summed stays in float: rounding would add up."""

import numpy as np
import pytest

from compress import keras
from compress.export import convert
from compress.fake_quant import freeze_quantized_kernels
from compress.quantize.ends import ends
from compress.quantize.fold import fold
from compress.quantize.qat import float_layers, quantization_aware
from compress.rewrite.last_bias import last_biases
from compress.tasks import Output
from tests.said import numbers_of

SIDE, SMALL = 32, 0.001
OUTPUTS = [Output("density", "density", "things a cell")]


def counter():
    """A map of 0.001 for a dark pixel and 1.001 for a white one, through a convolution that passes pixels on."""
    image = keras.Input((SIDE, SIDE, 1))
    x = keras.layers.Conv2D(2, 1, activation="relu", name="pass")(image)
    x = keras.layers.Conv2D(1, 1, name="density")(x)
    network = keras.Model(image, keras.layers.Rescaling(0.5, name="in_units")(x))
    network.get_layer("pass").set_weights([np.ones((1, 1, 1, 2), np.float32), np.zeros(2, np.float32)])
    network.get_layer("density").set_weights([np.ones((1, 1, 2, 1), np.float32), np.float32([2 * SMALL])])
    return network


def picture():
    """Black but for two white pixels: its map sums to 2 + 0.001 * 1024."""
    bytes_ = np.zeros((1, SIDE, SIDE, 1), np.uint8)
    bytes_[0, 3, 4] = bytes_[0, 20, 30] = 255
    return bytes_


def int8_sum(**options):
    images = picture()
    aware = quantization_aware(counter(), [images / np.float32(255)], **options)
    freeze_quantized_kernels(aware)
    return float(numbers_of(convert.Converter(aware, outputs=OUTPUTS).dense())(images).sum())


def test_a_known_sum_survives_int8_where_the_end_is_float():
    known = 2 + SMALL * SIDE**2
    assert float(counter()(picture() / np.float32(255)).numpy().sum()) == pytest.approx(known, rel=1e-5)
    assert int8_sum(ends_in_float=True) == pytest.approx(known, rel=0.005)
    assert abs(int8_sum() - known) > 0.2 * known  # 0.001 is less than half a step of an int8 map up to 1


def test_the_end_is_all_behind_the_last_kernel():
    network = counter()
    assert len(ends(fold(network))) == 1  # they become one layer
    x = keras.layers.UpSampling2D(2, name="up")(keras.layers.ReLU(name="positive")(network.output))
    assert set(ends(fold(keras.Model(network.input, x)))) == {"up", "density"}  # the ReLU is part of the convolution
    aware = quantization_aware(network, [picture() / np.float32(255)], ends_in_float=True)
    assert len(float_layers(aware)) == 1


def test_what_is_added_to_the_last_bias_is_added_to_every_value():
    aware = quantization_aware(counter(), [picture() / np.float32(255)], ends_in_float=True)
    before = aware(picture() / np.float32(255), training=False).numpy()
    (bias,) = last_biases(aware)
    bias.assign_add([0.25])
    np.testing.assert_allclose(aware(picture() / np.float32(255), training=False).numpy(), before + 0.25, atol=1e-5)


def test_an_end_without_a_bias_has_none_and_no_hidden_one():
    image = keras.Input((8, 8, 1))
    hidden = keras.layers.Conv2D(2, 1, activation="relu", name="hidden")(image)
    x = keras.layers.Conv2D(1, 1, use_bias=False, name="last")(hidden)
    assert last_biases(keras.Model(image, x)) == []
    shifted = keras.layers.BatchNormalization(name="shift")(x)
    assert [bias.name for bias in last_biases(keras.Model(image, shifted))] == ["shift/beta:0"]
