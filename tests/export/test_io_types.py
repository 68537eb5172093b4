"""Bytes in, int8 logits out: the same network without a float at either end."""

import json

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from compress import fake_quant, keras
from compress.datasets.splits import ArraySplit, Dataset
from compress.errors import UserError
from compress.evaluate import TFLitePredictor
from compress.export import convert, flatbuffer
from compress.pixels import UNIT
from compress.quantize.qat import quantization_aware
from compress.stages import Export
from compress.stages.quantize import Quantize
from compress.stages.train import Train
from tests.said import numbers_of, probabilities

layers = keras.layers
PIXELS = np.random.default_rng(0).integers(0, 256, (40, 12, 12, 3), dtype="uint8")
PIXELS[0, :, :, 0].flat[:] = np.arange(144)
PIXELS[0, :, :, 1].flat[:] = np.arange(112, 256)  # every byte there is


@pytest.fixture(scope="module")
def aware():
    """A convolution, a batch norm and a dense layer, with int8 emulated."""
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 12, 3))
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(8, 3, name="conv")(image)))
    model = keras.Model(image, layers.Dense(4, name="predictions")(layers.GlobalAveragePooling2D()(x)), name="small")
    head = model.get_layer("predictions")
    head.set_weights([20 * head.kernel.numpy(), head.bias.numpy()])  # logits of a trained network's size
    found = quantization_aware(model, [PIXELS / np.float32(255)])
    fake_quant.freeze_quantized_kernels(found)
    return found


@pytest.fixture(scope="module")
def float_ends(aware):
    return convert.Converter(aware).dense()


@pytest.fixture(scope="module")
def integer_ends(aware):
    return convert.Converter(aware, "uint8", "int8").dense()


def test_the_input_is_uint8_with_a_step_of_exactly_1_255th(integer_ends):
    interpreter = Interpreter(model_content=integer_ends)
    (told,) = interpreter.get_input_details()
    assert told["dtype"] == np.uint8
    assert told["quantization_parameters"]["scales"] == np.float32(1 / 255)
    assert told["quantization_parameters"]["zero_points"] == 0


def test_bytes_give_what_floats_give(float_ends, integer_ends):
    logits = numbers_of(integer_ends)(PIXELS)
    assert np.ptp(logits, axis=0).min() > 0.1
    np.testing.assert_allclose(probabilities(logits), numbers_of(float_ends)(PIXELS), atol=1e-6)


def test_the_outputs_are_the_files_own_codes(integer_ends):
    """What a program on a board does by hand: bytes in, codes out, no float anywhere."""
    interpreter = Interpreter(model_content=integer_ends)
    interpreter.allocate_tensors()
    (told,) = interpreter.get_output_details()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], PIXELS[:1])
    interpreter.invoke()
    codes = interpreter.get_tensor(told["index"])
    assert codes.dtype == np.int8
    scale, zero = told["quantization"]
    np.testing.assert_allclose(numbers_of(integer_ends)(PIXELS[:1]), scale * (codes.astype(int) - zero), rtol=1e-6)
    assert TFLitePredictor(integer_ends).outputs[0].step == pytest.approx(scale)


@pytest.mark.parametrize("input_type", ["float32", "uint8"])
@pytest.mark.parametrize("output_type", ["float32", "int8"])
def test_no_operator_computes_in_float(aware, input_type, output_type):
    content = convert.Converter(aware, input_type, output_type).dense()
    found = flatbuffer.operators(content)
    assert found.floats == []
    assert found.requantizations == 0
    counts = found.counts
    # bytes become int8 by a QUANTIZE of their own
    assert counts["QUANTIZE"] == 1
    assert (counts.get("DEQUANTIZE", 0), counts.get("SOFTMAX", 0)) == ((1, 1) if output_type == "float32" else (0, 0))
    assert (flatbuffer.ends(content)[0]["dtype"], [end["dtype"] for end in flatbuffer.ends(content)[1]]) == (
        input_type,
        [output_type],
    )
    interpreter = Interpreter(model_content=content)
    sizes = {np.dtype(tensor["dtype"]).name for tensor in interpreter.get_tensor_details()}
    assert ("float32" in sizes) == ("float32" in (input_type, output_type))


def test_a_range_without_a_white_pixel_is_translated(integer_ends):
    """As if the images of the calibration had all been dark: QUANTIZE goes from the bytes' grid to the other."""
    model = flatbuffer.read_model(integer_ends)
    graph = model.subgraphs[0]
    inner = graph.tensors[int(graph.operators[0].outputs[0])].quantization
    graph.tensors[int(graph.inputs[0])].quantization.scale = inner.scale * 0.5
    dark = flatbuffer.write_model(model, len(integer_ends))
    assert not np.allclose(numbers_of(dark, pixels=UNIT)(PIXELS), numbers_of(integer_ends)(PIXELS), atol=0.05)
    mended = flatbuffer.with_image_bytes(dark)
    np.testing.assert_array_equal(numbers_of(mended)(PIXELS), numbers_of(integer_ends)(PIXELS))


TRAINED = Train(name="trained", model="resnet8", epochs=1)


@pytest.mark.parametrize("wish", [{"input_type": "uint8"}, {"output_type": "int8"}])
def test_a_float_network_has_no_integer_ends(wish):
    stage = Export(name="out", input="trained", **wish)
    with pytest.raises(UserError, match=r'put_type = "u?int8" needs an int8 network, but \'trained\' is float32'):
        stage.check_input(TRAINED)
    stage.check_input(Quantize(name="quantized", epochs=1))
    Export(name="out", input="trained").check_input(TRAINED)


def test_model_json_says_so(stage_context, aware, tmp_path):
    context = stage_context(aware, PIXELS, "int8")
    facts = Export(name="out", input="quantized", input_type="uint8", output_type="int8").make(
        context, tmp_path, tmp_path
    )
    assert (facts.precision, facts.input_type, facts.output_type) == ("int8", "uint8", "int8")
    assert facts.float_operators == []
    assert facts.closeness_to_network >= 0.97
    told = json.loads((tmp_path / "model.json").read_text())
    step = TFLitePredictor(tmp_path / "model.tflite").outputs[0].step
    assert told["input"]["dtype"] == "uint8"
    assert told["input"]["range"] == [0, 255]
    assert told["input"]["quantization"] == {"scale": pytest.approx(1 / 255), "zero_point": 0}
    assert told["preprocessing"]["divide_by"] == 1
    (output,) = told["outputs"]
    assert (output["name"], output["meaning"]) == ("logits", "logits")
    assert output["quantization"]["scale"] == pytest.approx(step)


def test_bytes_at_the_input_are_for_data_of_bytes():
    split = ArraySplit(np.zeros((2, 5), np.float32), np.array([0, 1]))
    data = Dataset.of("made", "ab", split, split, split)
    Export(name="out").check_data(data)
    with pytest.raises(
        UserError, match='input_type = "uint8" needs uint8 images, but the examples of made are float32'
    ):
        Export(name="out", input_type="uint8").check_data(data)
