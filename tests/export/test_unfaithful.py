"""An export that does not compute what the network computes is refused."""

import hashlib
import json

import numpy as np
import pytest

from compress import fake_quant, keras
from compress.datasets.splits import ArraySplit, Dataset
from compress.export import convert
from compress.quantize.qat import quantization_aware
from compress.stages.export import Export
from compress.stages.faithful import Unfaithful, check_zeros, compare_outputs
from compress.tasks.difference import Difference
from compress.tasks.probabilities import BOUNDS, MOST_TYPICAL
from tests.said import logits_of, probabilities

layers = keras.layers
PIXELS = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype="uint8")


def network(seed):
    keras.utils.set_random_seed(seed)
    image = keras.Input((8, 8, 3))
    x = layers.ReLU()(layers.Conv2D(8, 3, name="conv")(image))
    return keras.Model(image, layers.Dense(5, name="predictions")(layers.Flatten()(x)), name="small")


def wanted(model):
    return {"logits": logits_of(model)(PIXELS)}


def write(folder, dense, sparse):
    for name, model in (("model.tflite", dense), ("model.sparse.tflite", sparse)):
        (folder / name).write_bytes(convert.Converter(model).dense())


def test_the_networks_own_files_are_faithful(tmp_path, stage_context):
    model = network(0)
    write(tmp_path, model, model)
    found = compare_outputs(model, wanted(model), tmp_path, stage_context(model, PIXELS))
    assert (found.score, found.network_score, found.closeness_to_network) == (0.75, 0.75, 1.0)
    assert 0 <= found.departure["mean_difference"] <= found.departure["largest_difference"] < 1e-5


def test_another_networks_file_is_not(tmp_path, stage_context):
    model, other = network(0), network(1)
    write(tmp_path, other, other)
    with pytest.raises(
        Unfaithful, match=r"the Keras network 75.00%; they agree on \d+.\d+% of the images .*begins in conv,"
    ):
        compare_outputs(model, wanted(model), tmp_path, stage_context(model, PIXELS))


def test_a_sparse_file_of_another_network_is_not(tmp_path, stage_context):
    model, other = network(0), network(1)
    write(tmp_path, model, other)
    with pytest.raises(Unfaithful, match="give different outputs"):
        compare_outputs(model, wanted(model), tmp_path, stage_context(model, PIXELS))


def test_a_right_file_of_as_many_wrong_images_is_not(tmp_path, stage_context):
    """The same top-1 by other images: only the agreement tells."""
    model, other = network(0), network(0)
    kernel, bias = other.get_layer("predictions").get_weights()
    other.get_layer("predictions").set_weights([kernel[:, [1, 0, 2, 3, 4]], bias])
    write(tmp_path, other, other)
    context = stage_context(model, PIXELS)
    labels = np.full(40, 9)  # nobody is ever right
    split = ArraySplit(PIXELS, labels, 8)
    context.dataset = Dataset.of("noise", "abcde", split, split, split)
    with pytest.raises(Unfaithful, match=r"0.00% top-1 .* 0.00%; they agree .*begins in predictions,"):
        compare_outputs(model, wanted(model), tmp_path, context)


def test_a_file_of_the_same_classes_and_other_probabilities_is_not(tmp_path, stage_context):
    """Logits of another scale: every class is the same."""
    model, other = network(0), network(0)
    head = other.get_layer("predictions")
    head.set_weights([1.5 * weight for weight in head.get_weights()])
    write(tmp_path, other, other)
    softer = differences(model, other).max()
    assert softer > 0.02
    said = rf"differ by {softer:.2g} in a probability \(at most 0.0001\); it begins in predictions,"
    with pytest.raises(Unfaithful, match=said):
        compare_outputs(model, wanted(model), tmp_path, stage_context(model, PIXELS))


def test_float_rounding_that_adds_up_is_told_and_no_fault(tmp_path, stage_context):
    """The difference of two sigmoids that are nearly the same, enlarged: what is left of it is their rounding."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    one, other = (layers.Conv2D(8, 3, activation="sigmoid", name=name) for name in ("one", "other"))
    x = layers.Flatten()(layers.Subtract()([one(image), other(image)]))
    model = keras.Model(image, layers.Dense(5, name="predictions")(x), name="small")
    other.set_weights([one.kernel.numpy() * np.float32(1.0001), one.bias.numpy()])
    model.get_layer("predictions").kernel.assign(1e4 * model.get_layer("predictions").kernel)
    write(tmp_path, model, model)
    context, said = stage_context(model, PIXELS), []
    context.progress.say = said.append
    found = compare_outputs(model, wanted(model), tmp_path, context)
    assert 1e-4 < found.departure["largest_difference"] < 0.01
    (line,) = said
    assert "(at most 0.0001); each layer alone computes the same" in line
    assert line.endswith("so the difference is accumulated float32 rounding")


def differences(one, other):
    """Of probabilities, the largest of each image."""
    return np.abs(probabilities(logits_of(one)(PIXELS)) - probabilities(logits_of(other)(PIXELS))).max(-1)


@pytest.mark.parametrize("precision", ["int8", "float16"])
def test_other_forms_are_judged_by_the_average_image(tmp_path, stage_context, precision):
    model, other = network(0), network(0)
    head = other.get_layer("predictions")
    head.set_weights([3 * weight for weight in head.get_weights()])
    write(tmp_path, other, other)
    mean = np.sort(differences(model, other))[:-2].mean()
    assert mean > 0.02
    with pytest.raises(Unfaithful, match=rf"differ by {mean:.3f} in a probability, on the average image"):
        compare_outputs(model, wanted(model), tmp_path, stage_context(model, PIXELS), precision)
    found = compare_outputs(model, wanted(model), tmp_path, stage_context(model, PIXELS), precision, strict=False)
    assert found.departure["mean_difference"] == pytest.approx(differences(model, other).mean(), abs=1e-5)
    assert found.departure["largest_difference"] == pytest.approx(differences(model, other).max(), abs=1e-5)


def test_two_images_may_differ_by_anything_in_int8():
    logits = np.zeros((50, 3), "float32")
    outputs = np.full((50, 3), 1 / 3, "float32")
    outputs[:2] = [1, 0, 0]
    found = Difference.of(probabilities(logits), outputs, BOUNDS)
    assert (found.typical, found.largest) == (pytest.approx(0, abs=1e-6), pytest.approx(2 / 3))
    assert found.mean == pytest.approx(2 / 3 * 2 / 50)
    assert found.reason(logits, "int8") == ""
    assert "differ by 0.67 in a probability" in found.reason(logits, "float32")


def test_a_float_file_of_large_logits_rounds_more():
    logits = np.array([[200, 199.99, 0]], "float32")
    found = Difference.of(probabilities(logits), probabilities(logits + np.float32([[0.004, 0, 0]])), BOUNDS)
    assert 5e-4 < found.largest < 2e-3
    assert found.reason(logits, "float32") == ""
    assert found.reason(logits / 20, "float32") != ""


def test_a_file_that_gives_no_numbers_is_not(tmp_path, stage_context):
    model, other = network(0), network(0)
    other.get_layer("predictions").bias.assign(np.full(5, np.nan))
    write(tmp_path, other, other)
    with pytest.raises(Unfaithful, match="NaN or infinite"):
        compare_outputs(model, wanted(model), tmp_path, stage_context(model, PIXELS), "int8", strict=False)


def test_a_quantized_file_that_says_one_thing_is_told(tmp_path, stage_context):
    model, other = network(0), network(0)
    other.get_layer("predictions").kernel.assign(np.zeros((288, 5)))
    write(tmp_path, other, other)
    context, said = stage_context(model, PIXELS), []
    context.progress.say = said.append
    compare_outputs(model, wanted(model), tmp_path, context, "int8", strict=False)
    assert said == [
        "    note: model.tflite gives the same outputs for every test image: it has learned or kept nothing"
    ]


@pytest.fixture(scope="module")
def aware():
    """A network with int8 emulated, and the same with another bias in its second convolution."""

    def quantized(shift):
        keras.utils.set_random_seed(0)
        image = keras.Input((8, 8, 3))
        x = layers.ReLU()(layers.Conv2D(8, 3, name="first")(image))
        x = layers.ReLU()(layers.Conv2D(8, 3, name="second", bias_initializer=keras.initializers.Constant(shift))(x))
        model = keras.Model(image, layers.Dense(5, name="predictions")(layers.Flatten()(x)), name="small")
        found = quantization_aware(model, [PIXELS / np.float32(255)])
        fake_quant.freeze_quantized_kernels(found)
        return found

    return quantized(0.0), quantized(0.2)


def test_int8_rounding_that_adds_up_is_told_and_no_fault(tmp_path, stage_context, aware, monkeypatch):
    """As if the outputs were far apart: every layer by itself is looked at, and found to be the same."""
    model, _ = aware
    write(tmp_path, model, model)
    context, said = stage_context(model, PIXELS, "int8"), []
    context.progress.say = said.append
    monkeypatch.setitem(MOST_TYPICAL, "int8", -1.0)
    compare_outputs(model, wanted(model), tmp_path, context, "int8")
    (line,) = said
    assert line.endswith(
        "each layer alone computes the same as the network, so the difference is accumulated int8 rounding"
    )


def test_an_int8_file_with_one_layer_that_computes_something_else_is_not(tmp_path, stage_context, aware, monkeypatch):
    model, other = aware
    write(tmp_path, other, other)
    monkeypatch.setitem(MOST_TYPICAL, "int8", 1e-3)
    with pytest.raises(Unfaithful, match=r"begins in second, whose own signal-to-noise ratio is -?\d dB"):
        compare_outputs(model, wanted(model), tmp_path, stage_context(model, PIXELS, "int8"), "int8")


KERNEL = np.arange(24, dtype="float32").reshape(1, 2, 3, 4) % 3  # 8 zeros


def stored(kernel, name="small/conv/Conv2D"):
    return {
        name: np.transpose(kernel, (3, 0, 1, 2)).astype("int8"),
        "small/other/Conv2D": np.ones((4, 1, 2, 3), "int8"),
    }


@pytest.mark.parametrize("name", ["small/conv/Conv2D", "small/quant_conv/Conv2D", "small/twin/Conv2D"])
def test_a_file_of_all_the_zeros_is_as_sparse(name):
    check_zeros({"conv": KERNEL}, stored(KERNEL, name))
    check_zeros({"conv": KERNEL}, stored(KERNEL * (KERNEL != 1), name))  # more of them


def test_one_lost_zero_is_unfaithful():
    lost = KERNEL.copy()
    lost[tuple(np.argwhere(KERNEL == 0)[-1])] = 1
    with pytest.raises(Unfaithful, match=r"the kernel of conv has lost its zeros in model.tflite"):
        check_zeros({"conv": KERNEL}, stored(lost))


def test_a_kernel_that_is_not_in_the_file_is_unfaithful():
    for kernel in (KERNEL[:, :1], np.roll(KERNEL, 1)):
        with pytest.raises(Unfaithful, match="cannot be found"):
            check_zeros({"conv": kernel}, stored(KERNEL))


def test_the_stage_writes_what_a_board_needs(tmp_path, stage_context):
    model = network(0)
    facts = Export(name="out", kind="export").make(stage_context(model, PIXELS), tmp_path, tmp_path)
    assert (facts.precision, facts.score, facts.closeness_to_network, facts.params) == (
        "float32",
        0.75,
        1.0,
        224 + 288 * 5 + 5,
    )
    assert facts.tflite_bytes == (tmp_path / "model.tflite").stat().st_size
    assert (tmp_path / "labels.txt").read_text() == "a\nb\nc\nd\ne\n"
    described = json.loads((tmp_path / "model.json").read_text())
    assert described["input"]["shape"] == [1, 8, 8, 3]
    assert described["task"] == {"name": "classification"}
    assert described["outputs"] == [
        {"name": "probabilities", "meaning": "softmax probabilities", "shape": [1, 5], "dtype": "float32"}
    ]
    for name, file in described["files"].items():
        content = (tmp_path / name).read_bytes()
        assert file == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert set(described["files"]) == {"model.tflite", "model.sparse.tflite", "labels.txt"}
