"""Convolutions that are called several times: in int8 each call has the range of the ReLU behind it."""

import numpy as np
import pytest

from compress import keras, models
from compress.artifacts.saved_model import serving_function
from compress.evaluate import KerasPredictor, TFLitePredictor
from compress.export import convert, flatbuffer
from compress.fake_quant import freeze_quantized_kernels
from compress.models.detector import STRIDES, DetectionHead
from compress.quantize.fold import fold
from compress.quantize.int8_support import layers_in_int8
from compress.quantize.qat import quantization_aware
from compress.tasks import Detection

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (4, 64, 96, 3), dtype=np.uint8)
BATCHES = [np.float32(IMAGES) / np.float32(255)]


@pytest.mark.parametrize("depthwise", [False, True])
def test_a_detector_computes_in_int8_and_every_level_has_a_range_of_its_own(depthwise):
    head = DetectionHead(3, 3, channels=16, depth=2, depthwise=depthwise)
    aware = quantization_aware(models.build("resnet10_1_4", (64, 96, 3), head, seed=0), BATCHES)
    for branch in ("classes", "boxes"):
        for step in (f"{branch}1", f"{branch}1_depthwise")[: 1 + depthwise]:
            limits = {aware.get_layer(f"quant_{step}_relu{stride}").quantize_config.high for stride in STRIDES}
            assert len(limits) == len(STRIDES), step
    freeze_quantized_kernels(aware)
    content = convert.Converter(aware, outputs=Detection.OUTPUTS).dense()
    operators = flatbuffer.operators(content)
    assert operators.floats == [] and operators.requantizations == 0
    assert "MAX_POOL_2D" not in operators.counts  # a ReLU by itself would be one
    names = [output.name for output in Detection.OUTPUTS]
    wanted = KerasPredictor(serving_function(aware, names))(IMAGES)
    got = Detection().from_file(TFLitePredictor(content, expected=[["scores", "boxes"]])(IMAGES))
    for name in names:
        assert np.abs(got[name] - wanted[name]).mean() < 0.02 * max(1.0, np.abs(wanted[name]).mean())


def network(second_reader):
    """One convolution on two maps, a ReLU behind each call; and perhaps something else that reads one of them."""
    image, shared = keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, padding="same", name="shared")
    one, other = shared(image), shared(keras.layers.Rescaling(3.0, name="scaled")(image))
    outputs = [keras.layers.ReLU(name="first")(one), keras.layers.ReLU(name="second")(other)]
    if second_reader:
        outputs.append(keras.layers.MaxPooling2D(name="pool")(one))
    return keras.Model(image, outputs)


def test_only_where_a_relu_alone_reads_every_call_the_convolution_has_no_range():
    assert layers_in_int8(fold(network(False)))["shared"].no_output_quantizer
    assert not layers_in_int8(fold(network(True)))["shared"].no_output_quantizer
