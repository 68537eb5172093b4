"""Every mode of the quantize stage, through its export: what is inside the file, and what does not go together."""

from types import SimpleNamespace

import numpy as np
import pytest

from compress import keras
from compress.artifacts.outputs_file import read_outputs
from compress.clock import Clock
from compress.datasets import Augmentation
from compress.datasets.splits import ArraySplit, Dataset
from compress.errors import Failure, UserError
from compress.export import flatbuffer
from compress.metrics import classification
from compress.prune.gradual import magnitude_mask
from compress.stages import Context, Export
from compress.stages.quantize import PRECISIONS, Quantize
from compress.stages.save_and_evaluate import TEST_OUTPUTS
from compress.tasks import Classification
from compress.training import Progress
from tests.said import logits_of, numbers_of

layers = keras.layers
PIXELS = np.random.default_rng(0).integers(0, 256, (48, 12, 12, 3), dtype="uint8")
TRAINED = {"epochs": 1, "learning_rate": 1e-6}


def network(activation="relu", outlier=1.0):
    """A convolution, a batch norm behind a pool, a convolution of 70 % zeros and a head; ``outlier`` scales a channel
    that nothing reads."""
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 12, 3), name="image")
    x = layers.MaxPooling2D(name="pool")(layers.Conv2D(16, 3, name="first")(image))
    x = layers.Activation(activation)(layers.BatchNormalization(name="norm")(x))
    x = layers.ReLU()(layers.Conv2D(32, 3, name="second")(x))
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    model = keras.Model(image, layers.Dense(4, name="predictions")(x), name="small")
    model.get_layer("norm").set_weights([np.full(16, value, "float32") for value in (1.0, 0.1, 0.0, 1.0)])
    first, second, head = (model.get_layer(name) for name in ("first", "second", "predictions"))
    second.kernel.assign(second.kernel * magnitude_mask(second.kernel.numpy(), 0.7))
    unread = np.ones((1, 1, 16, 1), "float32")
    unread[:, :, 0] = outlier == 1.0
    second.kernel.assign(second.kernel * unread)
    scale = np.ones(16, "float32")
    scale[0] = outlier
    first.kernel.assign(first.kernel * scale)
    logits = model(PIXELS / np.float32(255)).numpy()
    spread = 3 / logits.std(axis=0)  # logits of a trained network's size, no class always the first
    head.set_weights([head.kernel.numpy() * spread, -logits.mean(axis=0) * spread])
    return model


@pytest.fixture
def made(tmp_path):
    """Runs the stage with these settings and its export; facts of both, and the two files."""

    def make(model=None, **settings):
        model = model or network()
        float_logits = logits_of(model)(PIXELS)
        split = ArraySplit(PIXELS, float_logits.argmax(-1), 12)
        kept, known = [], []
        context = Context(
            dataset=Dataset.of("noise", "abcd", split, split, split), augmentation=Augmentation(), seed=0,
            fit="stretch", clock=Clock(), progress=Progress(), load=lambda name: kept[-1] if kept else model,
            task=Classification(), outputs=lambda name: read_outputs(tmp_path / TEST_OUTPUTS), training_outputs=None, validation_outputs=None, facts=lambda name: known[-1],
            timings=None, finished=kept.append,
        )  # fmt: skip
        stage = Quantize(name="small", **settings)
        stage.check()
        (tmp_path / "scratch").mkdir(exist_ok=True)
        known.append(stage.make(context, tmp_path, tmp_path / "scratch"))
        (tmp_path / "export").mkdir(exist_ok=True)
        facts = Export(name="out", input="small").make(context, tmp_path / "export", tmp_path)
        dense, sparse = ((tmp_path / "export" / name).read_bytes() for name in ("model.tflite", "model.sparse.tflite"))
        outputs = read_outputs(tmp_path / "export" / TEST_OUTPUTS)["probabilities"]
        return SimpleNamespace(
            stage=known[-1], facts=facts, dense=dense, sparse=sparse, outputs=outputs, float_logits=float_logits, kept=kept[-1]
        )  # fmt: skip

    return make


def types(content, least=64):
    """Names of the types of what is computed (no constants), and of the constants of more than ``least`` values."""
    from ai_edge_litert import schema_py_generated as schema

    names = {value: name for name, value in vars(schema.TensorType).items() if isinstance(value, int)}
    model = flatbuffer.read_model(content)
    computed, constant = set(), set()
    for tensor in model.subgraphs[0].tensors:
        data = model.buffers[tensor.buffer].data
        if data is None or len(data) == 0:
            computed.add(names[tensor.type])
        elif np.prod(tensor.shape) > least:
            constant.add(names[tensor.type])
    return computed, constant


@pytest.mark.parametrize("settings", [
    {"mode": "qat", **TRAINED}, {"mode": "static"}, {"mode": "static", "rewrite": False}, {"mode": "dynamic"},
    {"mode": "dynamic", "rewrite": False}, {"mode": "float16"}, {"mode": "static_int16x8"},
    {"mode": "static", "calibration": "entropy"}, {"mode": "static", "calibration": "percentile", "percentile": 99.99},
], ids=lambda settings: "-".join(str(value) for value in settings.values()))  # fmt: skip
def test_a_file_of_every_mode_predicts_what_the_float_network_does(made, settings):
    found = made(**settings)
    assert found.stage.precision == found.facts.precision == PRECISIONS[settings["mode"]]
    assert found.stage.mode == settings["mode"]
    assert classification.agreement(found.outputs, found.float_logits) > 0.9
    np.testing.assert_allclose(found.outputs.sum(-1), 1, atol=1e-5)  # probabilities, by a float softmax
    assert found.facts.operators["SOFTMAX"] == 1
    assert (found.facts.float_operators == []) == (settings["mode"] in ("qat", "static", "static_int16x8"))
    np.testing.assert_array_equal(numbers_of(found.dense)(PIXELS), found.outputs)


def test_float16_holds_the_weights_in_float16(made):
    found = made(mode="float16", rewrite=False)
    assert types(found.dense) == ({"FLOAT32"}, {"FLOAT16"})
    stored = flatbuffer.convolution_kernels(found.dense)
    kernel = next(value for name, value in stored.items() if "second" in name)
    wanted = found.kept.get_layer("second").kernel.numpy().transpose(3, 0, 1, 2)
    np.testing.assert_array_equal(kernel, wanted.astype("float16"))
    assert found.facts.kernel_sparsity == pytest.approx(found.stage.kernel_sparsity)


def test_dynamic_holds_int8_kernels_and_computes_float_activations(made):
    # the converter leaves kernels below 1024 weights as they are
    assert types(made(mode="dynamic").dense, least=1023) == ({"FLOAT32"}, {"INT8"})


def test_int16x8_holds_int8_kernels_and_computes_int16_activations(made):
    computed, constant = types(made(mode="static_int16x8").dense)
    assert computed == {"FLOAT32", "INT16"}  # float at the two ends
    assert constant == {"INT8"}


def test_static_computes_with_the_operators_of_qat(made):
    static, qat = made(mode="static"), made(mode="qat", **TRAINED)
    assert static.facts.operators == qat.facts.operators
    assert static.facts.operators["DEPTHWISE_CONV_2D"] == 1  # the batch norm
    assert static.facts.requantizations == 0
    assert types(static.dense) == types(qat.dense) == ({"FLOAT32", "INT8"}, {"INT8"})


def test_the_original_graph_keeps_its_batch_norm(made):
    found = made(mode="static", rewrite=False)
    operators = found.facts.operators
    assert (operators["MUL"], operators["ADD"], operators.get("DEPTHWISE_CONV_2D", 0)) == (1, 1, 0)
    assert "BatchNormalization" in {type(layer).__name__ for layer in found.kept.layers}


@pytest.mark.parametrize(("mode", "sparse"), [
    ("float16", True), ("static", True), ("dynamic", False), ("static_int16x8", False),
])  # fmt: skip
def test_a_sparse_file_where_litert_can_run_it(made, mode, sparse):
    found = made(mode=mode, rewrite=False)
    assert ("DENSIFY" in flatbuffer.operators(found.sparse).counts) == sparse
    assert (found.sparse != found.dense) == sparse
    np.testing.assert_allclose(numbers_of(found.sparse)(PIXELS), found.outputs, atol=1e-5)


def test_accuracy_that_the_converter_loses_is_a_result(made):
    """A channel 10,000 times as large as the others, which nothing reads, takes the whole int8 range."""
    found = made(network(outlier=1e4), mode="static", rewrite=False)
    assert found.facts.closeness_to_network < 0.9
    assert found.facts.score < 0.9
    assert found.facts.network_score == 1.0


def test_what_the_converter_refuses_is_one_line(made):
    with pytest.raises(Failure, match=r"^TFLite's converter cannot convert the network: .*16x8.*ELU"):
        made(network("elu"), mode="static_int16x8")


def test_the_same_images_calibrate_both_ways(made):
    """Noise holds black and white: the converter finds the bytes' own grid, as ours is given it."""
    for rewrite in (True, False):
        graph = flatbuffer.read_model(made(mode="static", rewrite=rewrite).dense).subgraphs[0]
        grid = graph.tensors[graph.operators[0].outputs[0]].quantization
        assert grid.scale[0] == pytest.approx(1 / 255)
        assert grid.zeroPoint[0] == -128


@pytest.mark.parametrize(("settings", "said"), [
    ({}, 'mode = "qat" needs epochs'),
    ({"mode": "qat"}, 'mode = "qat" needs epochs'),
    ({"mode": "qat", "epochs": 1, "rewrite": False}, "rewrite = false is possible only with the other modes"),
    ({"mode": "static", "epochs": 3}, 'epochs works only with mode = "qat"'),
    ({"mode": "dynamic", "learning_rate": 1e-5}, 'learning_rate works only with mode = "qat"'),
    ({"mode": "static", "schedule": "steps", "drop_after": (1,)}, 'schedule works only with mode = "qat"'),
    ({"mode": "float16", "calibration_images": 10}, "calibration_images works only with the modes that need ranges"),
    ({"mode": "static", "rewrite": False, "calibration": "entropy"}, "TFLite's converter supports only minmax"),
    ({"mode": "static_int16x8", "calibration": "percentile"}, "TFLite's converter supports only minmax"),
    ({"mode": "static", "percentile": 99.0}, 'percentile works only with calibration = "percentile"'),
])  # fmt: skip
def test_what_does_not_go_together(settings, said):
    with pytest.raises(UserError, match=said):
        Quantize(name="small", **settings).check()


def test_integer_ends_need_int8():
    stage = Export(name="out", input="small", input_type="uint8")
    stage.check_input(Quantize(name="small", mode="static", rewrite=False))
    for mode in ("dynamic", "float16", "static_int16x8"):
        with pytest.raises(UserError, match=f"'small' is {PRECISIONS[mode]}"):
            stage.check_input(Quantize(name="small", mode=mode))
