"""Every kind of layer with an ONNX entry: the file computes what the network computes, in float and in int8."""

import numpy as np
import pytest

from compress import fake_quant
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
