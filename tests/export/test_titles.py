"""Layers are found in a file whatever they are called, and however often they are used."""

import numpy as np
import pytest

from compress import fake_quant, keras
from compress.compare.keras_layers import as_in
from compress.compare.noise import compare
from compress.compare.tflite_tensors import TFLiteTensors
from compress.evaluate import TFLitePredictor
from compress.export import convert, flatbuffer
from compress.export.titles import layers_of
from compress.prune import prunable_kernels
from compress.prune.gradual import magnitude_mask
from compress.quantize.qat import float_layers, quantization_aware
from compress.rewrite import as_plain_layers
from compress.stages.faithful import check_zeros, unexpected_floats
from tests.said import logits_of, numbers_of, probabilities

layers = keras.layers
PIXELS = np.random.default_rng(0).integers(0, 256, (16, 16, 16, 3), dtype="uint8")
IMAGES = PIXELS.astype("float32") / 255


@pytest.mark.parametrize(("title", "layers"), [
    ("net/conv1/conv/Conv2D1", ("conv1/conv",)),
    ("net/quant_conv/Relu;net/quant_conv/BiasAdd;net/quant_conv/Conv2D;net/quant_other/BiasAdd/ReadVariableOp/resource1", ("conv",)),
    ("net/quant_relu6/Relu6;net/quant_block/depth/depthwise;net/quant_block/pad/Pad1", ("block/depth", "relu6")),
    ("net/quant_image_int8/FixedQuantize/FakeQuantWithMinMaxArgs", ("image_int8",)),
    ("net/quant_dense/Tensordot/MatMul", ("dense",)),
    ("net/tf.math.multiply/Mul", ("tf.math.multiply",)),
    ("net/mean/Mean", ("mean",)),
    ("Identity1", ()),
    ("tfl.quantize", ()),
])  # fmt: skip
def test_layers_in_a_tensors_title(title, layers):
    assert layers_of(title) == layers


def slashes(image):
    """Names that begin one another, hold slashes, and are made by the rewrite, too."""
    x = image
    for name in ("conv", "conv/1", "conv_1", "conv_1/conv", "a/b/conv", "quant_conv", "quant_conv/1"):
        x = layers.Conv2D(8, 3, padding="same", activation="relu", name=name)(x)
    return x


def shared(image):
    """A convolution on two levels, as of a feature pyramid, and one that would be called like its second call."""
    conv = layers.Conv2D(8, 3, padding="same", activation="relu", name="conv")
    x = layers.Conv2D(8, 3, padding="same", name="conv_1")(image)
    high, low = conv(x), conv(layers.MaxPooling2D(name="pool")(x))
    return layers.Concatenate(name="join")([high, conv(layers.UpSampling2D(name="up")(low))])


def ours(image):
    """Names that the rewrites make of other layers' names."""
    x = layers.Conv2D(8, 3, padding="same", activation="swish", name="x")(image)
    names = (
        "x_swish",
        "x_swish_sigmoid",
        "x_int8",
        "quant_x",
        "sum_part1",
        "x_swish_int8",
        "x_from_int8",
        "sum_part1_1",
    )
    ways = [layers.Conv2D(8, 1, activation="swish", name=name)(x) for name in names]
    return layers.Add(name="sum")([x, *ways])


def equal(image):
    """Two kernels of equal values, which are one tensor in the file."""
    one, other = (layers.Conv2D(8, 3, padding="same", name=name) for name in ("one", "other"))
    x = layers.Concatenate()([one(image), layers.LeakyReLU()(other(image))])
    other.set_weights(one.get_weights())
    return x


@pytest.mark.parametrize("name", ["net", "a/b", "conv"])
@pytest.mark.parametrize("style", [slashes, shared, ours, equal], ids=lambda style: style.__name__)
def test_a_pruned_network_is_int8_and_compared_whatever_its_layers_are_called(style, name, tmp_path):
    keras.utils.set_random_seed(0)
    image = keras.Input((16, 16, 3), name="image")
    x = layers.GlobalAveragePooling2D(name="mean")(style(image))
    model = as_plain_layers(keras.Model(image, layers.Dense(4, name="head")(x), name=name))
    for layer in model.layers:
        if type(layer) is layers.Conv2D:
            kernel = layer.kernel.numpy()
            layer.kernel.assign(kernel * magnitude_mask(kernel, 0.6))
    kernels = prunable_kernels(model)
    aware = quantization_aware(model, [IMAGES], keep_float=["head"])
    names = [layer.name for layer in aware.layers]
    fake_quant.freeze_quantized_kernels(aware)
    content = convert.Converter(aware).dense()
    assert [layer.name for layer in aware.layers] == names
    found = flatbuffer.operators(content)
    assert unexpected_floats(found, float_layers(aware)) == []
    stored = flatbuffer.convolution_kernels(content)
    assert len(stored) == len(kernels) - (style is equal)
    check_zeros(kernels, stored)
    logits = logits_of(aware)(PIXELS)
    np.testing.assert_allclose(numbers_of(content)(PIXELS), probabilities(logits), atol=0.03)
    (tmp_path / "model.tflite").write_bytes(content)
    file = TFLiteTensors(TFLitePredictor(tmp_path / "model.tflite"))
    compared = compare(as_in(file, model), file, [PIXELS])
    assert compared.folded and compared.alone == 0
    assert min(row.snr for row in compared.rows) > 25
    assert {"head"} < {name for row in compared.rows for name in row.layers}
