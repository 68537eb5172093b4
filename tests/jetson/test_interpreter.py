"""What the runner puts into a model and reads out of it, whatever the types of its two ends."""

import numpy as np
import pytest

from jetson.errors import UserError
from jetson.interpreter import Model, filled
from jetson.predictor import Predictor
from tests.said import numbers_of

BYTES = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)


@pytest.fixture(scope="module")
def network():
    """A convolution and a dense layer with int8 emulated, on 16x16 images."""
    from compress import fake_quant, keras
    from compress.quantize.qat import quantization_aware

    keras.utils.set_random_seed(0)
    image = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(8, 3, activation="relu")(image)
    x = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x))
    found = quantization_aware(keras.Model(image, x), [BYTES[None] / np.float32(255)])
    fake_quant.freeze_quantized_kernels(found)
    return found


@pytest.mark.parametrize("input_type", ["float32", "uint8"])
@pytest.mark.parametrize("output_type", ["float32", "int8"])
def test_the_runner_and_the_host_agree(network, input_type, output_type):
    from compress.export.convert import Converter

    content = Converter(network, input_type, output_type).dense()
    model = Predictor(Model(content, 1))
    assert np.dtype(model.input["dtype"]) == input_type
    ((name, output),) = model.outputs.items()
    assert name == ("probabilities" if output_type == "float32" else "logits")
    assert np.dtype(output["dtype"]) == output_type
    got = model.predict(BYTES)[name]
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, numbers_of(content)(BYTES[None])[0], atol=1e-6)


def test_a_uint8_model_is_fed_every_byte_as_it_is(network):
    from compress.export.convert import Converter

    model = Predictor(Model(Converter(network, "uint8", "int8").dense(), 1))
    np.testing.assert_array_equal(model.encode(BYTES)[0], BYTES)
    output = model.outputs["logits"]
    codes = model.predict(BYTES)["logits"] / output["quantization"][0] + output["quantization"][1]
    np.testing.assert_allclose(codes, model.model.interpreter.get_tensor(output["index"])[0], atol=1e-3)


def test_float_data_are_read_as_they_are(network):
    from compress.export.convert import Converter

    content = Converter(network).dense()
    values = np.random.default_rng(0).normal(0, 1, BYTES.shape).astype(np.float32)
    model = Predictor(Model(content, 1))
    np.testing.assert_array_equal(model.encode(values)[0], values)
    with np.testing.assert_raises(AssertionError):
        np.testing.assert_allclose(*(model.predict(each)["probabilities"] for each in (values, BYTES)), atol=1e-3)


@pytest.mark.parametrize(("signature", "size", "shape"), [
    ([-1, 32, 32, 3], [], [1, 32, 32, 3]), ([-1, -1, -1, 3], [224], [1, 224, 224, 3]),
    ([1, -1, -1, 3], [48, 96], [1, 48, 96, 3]), ([2, 5], [], [2, 5]), ([-1, -1, 12], [7], [1, 7, 12]),
    ([-1, 32, 32, 3], [224, 224], [1, 32, 32, 3]),
])  # fmt: skip
def test_open_sides_are_filled(signature, size, shape):
    assert filled(signature, shape, size) == shape


@pytest.mark.parametrize("size", [[], [1, 2, 3]])
def test_an_open_side_without_a_size_is_refused(size):
    with pytest.raises(UserError, match=r"accepts examples of any size \(\?x\?x3\): give one, such as --size"):
        filled([-1, -1, -1, 3], [1, 1, 1, 3], size)
