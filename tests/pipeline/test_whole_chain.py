"""teacher -> distilled -> pruned -> quantized -> exported, with small DenseNets: what it leaves."""

import csv
import hashlib
import json

import numpy as np
import pytest

COLUMNS = [
    "stage", "kind", "top1", "agreement_with_float", "params", "kernel_sparsity", "tflite_bytes", "sparse_tflite_bytes",
    "gzip_bytes", "latency_ms_mean", "latency_ms_p50", "latency_ms_p90", "seconds_training", "seconds_total",
]  # fmt: skip
STAGES = ["teacher", "distilled", "narrowed", "pruned", "quantized", "exported"]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def results(chain):
    return chain.folder / "runs" / "chain"


@pytest.fixture(scope="module")
def table(results):
    with (results / "table.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def exported(results):
    return results / "6-exported"


def test_the_screen_says_where_it_is(chain):
    for number, name in enumerate(STAGES[:5], start=1):
        assert f"[{number}/6] {name}  epoch 2/" in chain.output
    assert "It took " in chain.output
    assert "Traceback" not in chain.output
    assert "WARNING" not in chain.output


def test_the_table_has_its_columns_and_a_row_a_stage(table):
    assert list(table[0]) == COLUMNS
    assert [row["stage"] for row in table[:-1]] == STAGES
    assert [row["kind"] for row in table] == ["train", "distill", "narrow", "prune", "quantize", "export", "ratio"]
    assert float(table[3]["kernel_sparsity"]) == pytest.approx(0.7, abs=1e-3)
    assert all(float(row["top1"]) > 0.9 for row in table[3:-1])


def test_the_ratio_row_is_the_first_stage_over_the_last(table):
    first, last, ratio = table[0], table[5], table[6]
    for name in ("tflite_bytes", "gzip_bytes", "latency_ms_mean"):
        assert float(ratio[name]) == pytest.approx(float(first[name]) / float(last[name]), abs=1e-4)
    assert float(ratio["tflite_bytes"]) > 3


def test_the_report_and_the_plots(results):
    report = (results / "report.md").read_text()
    assert all(name in report for name in STAGES)
    plots = sorted((results / "plots").glob("*.png"))
    assert plots
    assert all(plot.read_bytes().startswith(b"\x89PNG") and f"plots/{plot.name}" in report for plot in plots)
    assert not list(results.rglob("*.part"))


def test_the_page_has_the_operators_their_times_and_their_noise(results):
    content = json.loads((results / "report.json").read_text())
    rows = content["operators"]["rows"]
    assert content["operators"]["stage"] == "exported"
    assert sum(row["share"] for row in rows) == pytest.approx(1.0)
    convolutions = [row for row in rows if row["kind"] == "CONV_2D"]
    assert all(row["channels"] and row["zeros"] is not None for row in convolutions)
    assert any(row["channels_before"] > row["channels"] for row in convolutions if row["channels_before"])
    assert sum(row["snr"] is not None for row in convolutions) > len(convolutions) / 2
    assert set(content["operators_by_stage"]) == set(STAGES)
    assert {"latency", "noise"} <= {path.stem.split(".")[1] for path in (results / "model_explorer").iterdir()}


def test_the_page_says_what_was_asked_and_where_it_comes_from(results, exported):
    content = json.loads((results / "report.json").read_text())
    goals = {goal["goal"]: goal["met"] for goal in content["goals"]}
    assert goals["size of the .tflite"] is True
    assert content["provenance"]["run"][1] == ["command", content["run"]["command"]]
    assert content["run"]["command"].startswith("jetslim run ")
    digest = hashlib.sha256((exported / "model.tflite").read_bytes()).hexdigest()
    assert ["exported", f"sha256 {digest}"] in content["provenance"]["files"]
    assert {"table": "teacher", "key": "epochs", "value": "2"}.items() <= next(
        setting for setting in content["changed"] if (setting["table"], setting["key"]) == ("teacher", "epochs")
    ).items()
    page = (results / "report.html").read_text()
    assert len(page.encode()) < 500_000
    assert (results / "worst.png").read_bytes().startswith(b"\x89PNG")
    assert "The test images on which the last file is worst" in page


def test_a_view_of_every_stage(results, table):
    assert sorted(path.name for path in results.glob("[0-9]-*")) == [f"{n}-{s}" for n, s in enumerate(STAGES, start=1)]
    for number, name in enumerate(STAGES, start=1):
        facts = json.loads((results / f"{number}-{name}" / "stage.json").read_text())
        assert facts["kind"] == table[number - 1]["kind"]
        assert float(table[number - 1]["top1"]) == pytest.approx(
            facts["score"], abs=0.04
        )  # two of 60 images may differ
    assert (results / "5-quantized" / "history.csv").is_file()


def test_the_distillation_recorded_both_phases(results):
    with (results / "2-distilled" / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert rows[0]["similarity_conv2_block1_0_bn"]
    assert not rows[0]["accuracy"]
    assert rows[1]["accuracy"]


def test_model_json_and_labels_tell_the_board_all(exported):
    told = json.loads((exported / "model.json").read_text())
    assert (exported / "labels.txt").read_text() == "blue\ngreen\nred\n"
    assert told["precision"] == "int8"
    assert told["input"]["shape"] == [1, 32, 32, 3]
    assert set(told["files"]) == {"model.tflite", "model.sparse.tflite", "labels.txt"}
    for name, file in told["files"].items():
        content = (exported / name).read_bytes()
        assert file == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert told["files"]["model.sparse.tflite"]["bytes"] < told["files"]["model.tflite"]["bytes"]


def graph(path):
    """(the schema's objects, operator names in order, name -> type number)."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    operators = [names[model.operatorCodes[op.opcodeIndex].builtinCode] for op in model.subgraphs[0].operators]
    return model, operators, schema.TensorType


@pytest.mark.parametrize("file", ["model.tflite", "model.sparse.tflite"])
def test_all_operators_are_int8_between_one_quantize_and_one_dequantize(exported, file):
    model, names, kind = graph(exported / file)
    tensors = model.subgraphs[0].tensors
    edges = ("QUANTIZE", "DEQUANTIZE", "SOFTMAX", "DENSIFY")
    assert [names.count(edge) for edge in edges[:3]] == [1, 1, 1]
    assert (names[0] == "QUANTIZE", names[-2:]) == (True, ["DEQUANTIZE", "SOFTMAX"])
    for operator, name in zip(model.subgraphs[0].operators, names, strict=True):
        if name not in edges:
            used = [tensors[i].type for i in (operator.inputs[0], *operator.outputs)]
            assert used == [kind.INT8] * len(used), name
    ends = [tensors[i].type for i in (*model.subgraphs[0].inputs, *model.subgraphs[0].outputs)]
    assert ends == [kind.FLOAT32, kind.FLOAT32]


def test_every_zero_of_the_pruned_network_is_in_the_tflite(results, exported):
    from compress import artifacts, keras

    model, names, _ = graph(exported / "model.tflite")
    stored = {}
    for operator, name in zip(model.subgraphs[0].operators, names, strict=True):
        if name == "CONV_2D":
            tensor = model.subgraphs[0].tensors[operator.inputs[1]]
            values = model.buffers[tensor.buffer].data.view(np.int8).reshape(tensor.shape)
            stored[f"/{tensor.name.decode().replace('quant_', '')}/"] = values
    pruned = artifacts.load(results / "4-pruned" / "saved_model")
    layers = [layer for layer in pruned.layers if type(layer) is keras.layers.Conv2D]
    assert len(layers) == len(stored) == 20
    for layer in layers:
        (values,) = (values for title, values in stored.items() if f"/{layer.name.replace('/', '>')}/" in title)
        kernel = layer.kernel.numpy().transpose(3, 0, 1, 2)
        assert (kernel == 0).mean() > 0.69
        if values.shape == kernel.shape:
            assert not values[kernel == 0].any(), layer.name
        else:  # the stem, which reads pixels in pairs: (out, 7, 4, 6) for (out, 7, 7, 3)
            assert layer is layers[0]
            assert np.count_nonzero(values) <= np.count_nonzero(kernel)


def test_the_store_holds_no_leavings(chain):
    store = chain.folder / "store"
    assert all((path / "stage.json").is_file() for path in (store / "artifacts").iterdir())
    assert [path for path in (store / "work").iterdir() if path.is_dir()] == []
