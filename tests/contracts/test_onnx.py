"""Every kind of layer with an ONNX entry: the file computes what the network computes, in float and in int8."""

from functools import partial

import numpy as np
import pytest

from compress import fake_quant, keras
from compress.errors import UserError
from compress.export import onnx
from compress.export.onnx.write import without_nodes
from compress.quantize import range_clipping
from compress.quantize.fold import fold
from compress.quantize.qat import quantization_aware
from compress.rewrite import as_plain_layers
from compress.tasks import Output
from tests.contracts.test_layers import IMAGES, SAMPLES, network

tf, layers = keras.tf, keras.layers
OUTPUT = [Output("numbers", "numbers", "numbers")]


def said(model):
    return onnx.OnnxPredictor(model.SerializeToString())(IMAGES)["numbers"]


MORE = {
    "a map times a row": lambda x: layers.Multiply()([x, layers.Dense(8)(layers.GlobalAveragePooling2D()(x))]),
    "maximum of channels": lambda x: tf.maximum(x, np.linspace(-1, 1, 8).astype("float32")),
    "called twice": lambda x: (lambda conv: layers.Add()([conv(x), conv(conv(x))]))(layers.Conv2D(8, 1)),
}


# of those that do nothing in inference a Dropout and an identity stand for all
IDLE = ("ActivityRegularization", "AlphaDropout", "Gaussian", "Random", "SpatialDropout1D", "SpatialDropout2D")
KINDS = {kind: sample for kind, sample in {**SAMPLES, **MORE}.items() if not kind.startswith(IDLE)}


@pytest.mark.parametrize("sample", KINDS.values(), ids=KINDS)
def test_the_file_computes_what_the_network_computes(sample):
    folded = fold(network(sample))
    if missing := without_nodes(folded):
        pytest.fail(f"no nodes: {missing}")
    wanted = folded(IMAGES, training=False).numpy()
    model = onnx.written(folded, OUTPUT)
    assert onnx.faults(model) == []
    assert np.abs(said(model) - wanted).max() <= 1e-5 * max(1, np.abs(wanted).max())

    aware = quantization_aware(folded, [IMAGES], symmetric=True)
    fake_quant.freeze_quantized_kernels(aware)
    model = onnx.written(aware, OUTPUT, fuses=False)
    assert onnx.faults(model) == []
    wanted, got = aware(IMAGES, training=False).numpy(), said(model)
    config = aware.layers[-1].quantize_config
    step = (config.high - config.low) / 255
    assert np.abs(got - wanted).max() <= 2.01 * step
    assert np.abs(got - wanted).mean() <= 1.0 * step


@pytest.mark.parametrize("end", [
    lambda x: keras.layers.Conv2D(1, 3, name="map")(x),
    lambda x: keras.layers.GlobalAveragePooling2D(keepdims=True)(x),
    lambda x: keras.layers.MaxPooling2D((1, 2))(keras.layers.ZeroPadding2D(((1, 2), (3, 0)))(x)),
], ids=["one channel", "one cell", "oblong"])  # fmt: skip
def test_a_map_comes_out_channels_last(end):
    image = keras.Input((12, 12, 3))
    x = end(keras.layers.Conv2D(4, 3, strides=(1, 2), padding="same")(image))
    model = onnx.written(fold(keras.Model(image, x)), OUTPUT)
    np.testing.assert_allclose(said(model), keras.Model(image, x)(IMAGES), atol=1e-5)


@pytest.mark.parametrize("layer", [
    layers.ReLU(1.0, 0.1, 0.2), layers.LayerNormalization(axis=[1, 2, 3]), layers.BatchNormalization(axis=1),
    layers.UpSampling2D(interpolation="bicubic"), layers.GroupNormalization(4),
], ids=lambda layer: layer.name)  # fmt: skip
def test_what_has_no_nodes_is_refused_by_name(layer):
    with pytest.raises(UserError, match="has no counterpart in ONNX here"):
        onnx.written(fold(network(type(layer).from_config({**layer.get_config(), "name": "odd"}))), OUTPUT)


def test_frozen_kernels_are_in_int8_too():
    model = network(SAMPLES["Conv2D"])
    model.get_layer("stem").trainable = False
    aware = quantization_aware(model, [IMAGES], symmetric=True)
    fake_quant.freeze_quantized_kernels(aware)
    file = onnx.written(aware, OUTPUT, fuses=False)
    assert onnx.kernels(file) == (3, [])


def test_a_kernel_in_float_reads_what_it_reads_in_the_tflite():
    model = network(lambda x: layers.Conv2D(6, 3, name="mid")(layers.ReLU()(x)))
    cut = partial(range_clipping.percentile, percent=90)
    aware = quantization_aware(model, [IMAGES], cut, ["mid"], symmetric=True)
    fake_quant.freeze_quantized_kernels(aware)
    file = onnx.written(aware, OUTPUT, fuses=False)
    assert onnx.kernels(file)[1] == ["mid/Conv"]
    np.testing.assert_allclose(said(file), aware(IMAGES, training=False), atol=1e-5)


def test_a_softmax_of_another_axis():
    """In float: behind it the grids of the two files differ."""
    folded = fold(network(lambda x: layers.Softmax(axis=1)(x)))
    np.testing.assert_allclose(said(onnx.written(folded, OUTPUT)), folded(IMAGES, training=False), atol=1e-5)


@pytest.mark.parametrize("kind", ["sigmoid", "tanh"])
def test_what_a_sigmoid_gives_is_rounded_to_the_grid_that_tflite_prescribes(kind):
    """Beside another factor: a kernel would read it on a symmetric grid. To the last code, where sums are the same."""
    image = keras.Input((12, 12, 3))
    x = keras.layers.ReLU()(image)
    gate = keras.layers.Activation(kind)(x)
    network = keras.Model(image, keras.layers.Multiply()([x, gate]))
    aware = quantization_aware(as_plain_layers(network), [IMAGES], symmetric=True)
    rounded, fused = (onnx.written(aware, OUTPUT, fuses=fuses) for fuses in (False, True))
    wanted = aware(IMAGES, training=False).numpy()
    assert np.abs(said(rounded) - wanted).max() < 1e-6
    assert np.abs(said(fused) - wanted).max() > 1e-3
