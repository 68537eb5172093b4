"""Every kind of layer with an ONNX entry: the file computes what the network computes, in float and in int8."""

import numpy as np
import pytest

from compress import fake_quant, keras
from compress.export import onnx
from compress.export.onnx.write import without_nodes
from compress.quantize.fold import fold
from compress.quantize.qat import quantization_aware
from compress.tasks import Output
from tests.contracts.test_layers import IMAGES, SAMPLES, network

OUTPUT = [Output("numbers", "numbers", "numbers")]


def said(model):
    return onnx.OnnxPredictor(model.SerializeToString())(IMAGES)["numbers"]


@pytest.mark.parametrize("kind", SAMPLES)
def test_the_file_computes_what_the_network_computes(kind):
    folded = fold(network(SAMPLES[kind]))
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
    assert np.abs(got - wanted).mean() <= 0.75 * step  # a sigmoid is not rounded, whose grid TensorRT does not have


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
