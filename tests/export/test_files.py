"""The .tflite files: what they compute, what they weigh, and what is inside."""

import gzip
import shutil
import subprocess

import numpy as np
import pytest

from compress import keras
from compress.evaluate import TFLitePredictor
from compress.export import convert, flatbuffer
from compress.prune import prunable_kernels
from compress.prune.gradual import magnitude_mask
from tests.said import logits_of, numbers_of

layers = keras.layers
PIXELS = np.random.default_rng(0).integers(0, 256, (6, 12, 12, 3), dtype="uint8")


def network(sparsity=0.0):
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 12, 3))
    x = layers.ReLU()(layers.Conv2D(32, 3, name="conv1")(image))
    x = layers.ReLU()(layers.Conv2D(64, 3, name="conv2")(x))
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, layers.Dense(4, name="predictions")(x), name="small")
    for name in ("conv1", "conv2"):
        kernel = model.get_layer(name).kernel
        kernel.assign(kernel * magnitude_mask(kernel.numpy(), sparsity))
    return model


def softmax(logits):
    exponentials = np.exp(logits.astype("float64"))
    return exponentials / exponentials.sum(-1, keepdims=True)


@pytest.fixture(scope="module")
def sparse():
    """A network of 90 % zeros, and its two files."""
    model = network(0.9)
    converter = convert.Converter(model)
    return model, converter.dense(), converter.sparse()


def test_a_float_file_gives_the_softmax_of_the_networks_logits():
    model = network()
    logits = logits_of(model)(PIXELS)
    got = numbers_of(convert.Converter(model).dense())(PIXELS)
    np.testing.assert_allclose(got, softmax(logits), atol=1e-5)
    np.testing.assert_allclose(got.sum(-1), 1, atol=1e-6)
    assert np.ptp(got, axis=0).max() > 1e-3
    np.testing.assert_allclose(logits, model(PIXELS / np.float32(255)), atol=1e-5)


def test_an_operator_is_put_behind_the_logits():
    model = network()
    converter = keras.tf.lite.TFLiteConverter.from_concrete_functions(
        [convert.inference_function(model, ["logits"])], model
    )
    bare = converter.convert()
    with_it = flatbuffer.with_operator(bare, 0, "SOFTMAX", "probabilities")
    logits, got = numbers_of(bare)(PIXELS), numbers_of(with_it)(PIXELS)
    np.testing.assert_allclose(logits, logits_of(model)(PIXELS), atol=1e-5)
    np.testing.assert_allclose(got, softmax(logits), atol=1e-6)
    before, after = flatbuffer.operators(bare).counts, flatbuffer.operators(with_it).counts
    assert after == {**before, "SOFTMAX": 1}
    assert TFLitePredictor(with_it).shapes == {"probabilities": (None, 4)}
    sigmoids = numbers_of(flatbuffer.with_operator(bare, 0, "LOGISTIC", "sigmoids"))(PIXELS)
    np.testing.assert_allclose(sigmoids, 1 / (1 + np.exp(-logits)), atol=1e-6)


def test_a_signature_names_both_ends():
    content = convert.Converter(network()).dense()
    (signature,) = flatbuffer.read_model(content).signatureDefs
    assert signature.signatureKey == b"serving_default"
    assert [entry.name for entry in signature.inputs] == [b"image"]
    assert [entry.name for entry in signature.outputs] == [b"probabilities"]


def test_very_different_logits_keep_their_probabilities():
    """An int8 softmax would give 0 below 1 / 256; ours is float."""
    model = network()
    model.get_layer("predictions").set_weights([np.zeros((64, 4), "float32"), np.float32([0, -10, -20, 3])])
    got = numbers_of(convert.Converter(model).dense())(PIXELS[:1])
    np.testing.assert_allclose(got[0], softmax(np.array([0, -10, -20, 3])), rtol=1e-4)


def test_read_and_written_a_file_computes_the_same(sparse):
    for content in sparse[1:]:
        again = flatbuffer.write_model(flatbuffer.read_model(content), len(content))
        np.testing.assert_array_equal(numbers_of(again)(PIXELS), numbers_of(content)(PIXELS))
        assert again[4:8] == b"TFL3"


def test_the_sparse_file_is_smaller_and_computes_the_same(sparse):
    model, dense, small = sparse
    weights = sum(kernel.size for kernel in prunable_kernels(model).values())
    # 4 bytes a weight; in the sparse encoding about 5.65 for each of the tenth that is left (the specs' measure)
    assert len(dense) - len(small) == pytest.approx(weights * (4 - 0.1 * 5.65), rel=0.15)
    np.testing.assert_allclose(numbers_of(small)(PIXELS), numbers_of(dense)(PIXELS), atol=1e-6)
    assert flatbuffer.operators(small).counts["DENSIFY"] == 2


def test_kernels_of_the_file_are_the_networks_zeros_and_all(sparse):
    model, dense, _ = sparse
    stored = flatbuffer.convolution_kernels(dense)
    assert len(stored) == 2
    for name, kernel in prunable_kernels(model).items():
        (found,) = (tensor for title, tensor in stored.items() if name in title)
        np.testing.assert_array_equal(found, kernel.transpose(3, 0, 1, 2))
        assert np.mean(found == 0) == pytest.approx(0.9, abs=1 / kernel.size)


def test_operators_of_a_float_file(sparse):
    found = flatbuffer.operators(sparse[1])
    assert found.counts["CONV_2D"] == 2
    assert found.requantizations == 0
    assert sorted(set(found.floats)) == sorted(set(found.counts) - {"SOFTMAX"})


def test_what_is_quantized():
    from compress.quantize.qat import quantization_aware

    model = network()
    assert not convert.is_quantized(model)
    assert convert.is_quantized(quantization_aware(model, [PIXELS / np.float32(255)]))


def test_the_same_network_gives_the_same_bytes(sparse):
    model, dense, _ = sparse
    assert convert.Converter(model).dense() == dense


def test_our_frozen_graph_gives_the_bytes_of_the_converters_own(monkeypatch):
    model = network()
    ours = convert.Converter(model).dense()
    theirs = convert.Converter(model)
    monkeypatch.delattr(theirs._converter, "_freeze_concrete_function")  # what was put over the class's own
    assert theirs.dense() == ours


def test_gzip_bytes_do_not_depend_on_the_time(sparse, monkeypatch):
    import time

    size = convert.gzip_bytes(sparse[1])
    monkeypatch.setattr(time, "time", lambda: 1e9)
    assert convert.gzip_bytes(sparse[1]) == size
    assert size < 0.5 * len(sparse[1])
    assert convert.gzip_bytes(b"") == 20  # header and trailer


@pytest.mark.skipif(shutil.which("gzip") is None, reason="there is no gzip to compare with")
def test_gzip_bytes_are_what_gzip_makes(sparse):
    """Within a hundredth: zlib's deflate and GNU gzip's are not the same program."""
    for content in sparse[1:]:
        packed = subprocess.run(["gzip", "-9", "-n"], input=content, capture_output=True, check=True).stdout
        assert gzip.decompress(packed) == content
        assert convert.gzip_bytes(content) == pytest.approx(len(packed), rel=1e-2)
