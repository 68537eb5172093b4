"""An export that does not compute what the network computes is refused."""

import hashlib
import json

import numpy as np
import pytest

from compress import keras
from compress.artifacts.saved_model import serving_function
from compress.datasets.splits import ArraySplit, Dataset
from compress.evaluate import KerasPredictor
from compress.export import convert
from compress.stages.export import Export, Unfaithful, at_least_as_sparse, compare

layers = keras.layers
PIXELS = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype="uint8")


def network(seed):
    keras.utils.set_random_seed(seed)
    image = keras.Input((8, 8, 3))
    x = layers.ReLU()(layers.Conv2D(8, 3, name="conv")(image))
    return keras.Model(image, layers.Dense(5, name="predictions")(layers.Flatten()(x)), name="small")


def logits_of(model):
    return KerasPredictor(serving_function(model))(PIXELS)


def write(folder, dense, sparse):
    for name, model in (("model.tflite", dense), ("model.sparse.tflite", sparse)):
        (folder / name).write_bytes(convert.Converter(model).dense())


def test_the_networks_own_files_are_faithful(tmp_path, stage_context):
    model = network(0)
    write(tmp_path, model, model)
    assert compare(logits_of(model), tmp_path, stage_context(model, PIXELS)) == {
        "top1": 0.75,
        "keras_top1": 0.75,
        "agreement": 1.0,
    }


def test_another_networks_file_is_not(tmp_path, stage_context):
    model, other = network(0), network(1)
    write(tmp_path, other, other)
    with pytest.raises(Unfaithful, match=r"the Keras network 75.00%; they agree on \d+.\d+% of the images"):
        compare(logits_of(model), tmp_path, stage_context(model, PIXELS))


def test_a_sparse_file_of_another_network_is_not(tmp_path, stage_context):
    model, other = network(0), network(1)
    write(tmp_path, model, other)
    with pytest.raises(Unfaithful, match="give different outputs"):
        compare(logits_of(model), tmp_path, stage_context(model, PIXELS))


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
    with pytest.raises(Unfaithful, match=r"0.00% top-1 .* 0.00%; they agree"):
        compare(logits_of(model), tmp_path, context)


KERNEL = np.arange(24, dtype="float32").reshape(1, 2, 3, 4) % 3  # 8 zeros


def stored(kernel, name="small/conv/Conv2D"):
    return {
        name: np.transpose(kernel, (3, 0, 1, 2)).astype("int8"),
        "small/other/Conv2D": np.ones((4, 1, 2, 3), "int8"),
    }


@pytest.mark.parametrize("name", ["small/conv/Conv2D", "small/quant_conv/Conv2D", "small/twin/Conv2D"])
def test_a_file_of_all_the_zeros_is_as_sparse(name):
    at_least_as_sparse({"conv": KERNEL}, stored(KERNEL, name))
    at_least_as_sparse({"conv": KERNEL}, stored(KERNEL * (KERNEL != 1), name))  # more of them


def test_one_lost_zero_is_unfaithful():
    lost = KERNEL.copy()
    lost[tuple(np.argwhere(KERNEL == 0)[-1])] = 1
    with pytest.raises(Unfaithful, match=r"the kernel of conv in model.tflite lost zeros"):
        at_least_as_sparse({"conv": KERNEL}, stored(lost))


def test_a_kernel_that_is_not_in_the_file_is_unfaithful():
    for kernel in (KERNEL[:, :1], np.roll(KERNEL, 1)):
        with pytest.raises(Unfaithful, match="cannot be found"):
            at_least_as_sparse({"conv": kernel}, stored(KERNEL))


def test_the_stage_writes_what_a_board_needs(tmp_path, stage_context):
    model = network(0)
    facts = Export(name="out", kind="export").make(stage_context(model, PIXELS), tmp_path, tmp_path)
    assert (facts["form"], facts["top1"], facts["agreement"], facts["params"]) == (
        "float32",
        0.75,
        1.0,
        224 + 288 * 5 + 5,
    )
    assert facts["tflite_bytes"] == (tmp_path / "model.tflite").stat().st_size
    assert (tmp_path / "labels.txt").read_text() == "a\nb\nc\nd\ne\n"
    described = json.loads((tmp_path / "model.json").read_text())
    assert described["input"]["shape"] == [1, 8, 8, 3]
    assert described["output"]["shape"] == [1, 5]
    for name, file in described["files"].items():
        content = (tmp_path / name).read_bytes()
        assert file == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert set(described["files"]) == {"model.tflite", "model.sparse.tflite", "labels.txt"}
