"""Several classes an image, numbers of an image, and counts, through everything that a classification goes through."""

import ast
import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import ModelCard
from PIL import Image

from benchmarks.boards.result import parse
from benchmarks.boards.table import boards_table
from compress.datasets import DATASETS
from compress.export.onnx import OnnxPredictor
from compress.metrics import detection
from compress.tasks import TASKS
from tests.said import numbers_of, outputs_of, said_by_card

ROOT = Path(__file__).parents[2]
TOML = """
[data]
name = "{data}"
size = {size}

[[stage]]
name = "teacher"
kind = "train"
model = "{teacher}"
epochs = 3
batch_size = {batch}
learning_rate = 3e-3

[[stage]]
name = "student"
kind = "distill"
teachers = ["teacher"]
model = "{student}"
epochs = 3
batch_size = {batch}
learning_rate = 3e-3
method = {{ name = "{method}" }}

[[stage]]
name = "narrowed"
kind = "narrow"
{narrow}
epochs = 1
batch_size = {batch}

[[stage]]
name = "pruned"
kind = "prune"
final_sparsity = 0.5
epochs = 1
batch_size = {batch}

[[stage]]
name = "quantized"
kind = "quantize"
grid = "symmetric"
epochs = 1
batch_size = {batch}
learning_rate = 1e-4

[[stage]]
name = "exported"
kind = "export"
onnx = true
{export}
"""
CASES = {
    # data set, size, distillation method, batch, teacher, student
    "multi_label": ("digit_pairs", [16, 32], "sigmoids", 32, "plain4", "plain2"),
    "regression": ("turned_digits", 16, "outputs", 32, "plain4", "plain2"),
    "counting": ("crowd", [32, 48], "density", 8, "plain4", "plain2"),
    "detection": ("shapes", [64, 96], "fgfi", 8, "resnet10_1_2", "resnet10_1_4"),
}


def toml_of(data, size, method, batch, teacher, student):
    export = 'postprocess = "tflite"' if data == "shapes" else ""
    narrow = "latency = 0.7" if data == "shapes" else "flops = 0.7"
    names = {
        "narrow": narrow,
        "data": data,
        "size": size,
        "method": method,
        "teacher": teacher,
        "student": student,
        "export": export,
    }
    return TOML.format(batch=batch, **names)


@pytest.fixture(scope="module")
def succeed(jetslim):
    """Runs a command that must succeed; what it says."""

    def call(folder, *words):
        done = jetslim(*words, cwd=folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


# a detector takes minutes
PARAMS = [pytest.param(name, marks=[pytest.mark.slow] * (name == "detection")) for name in CASES]


@pytest.fixture(scope="module", params=PARAMS)
def chain(request, tmp_path_factory, succeed):
    """(the task, the folder that everything was run in, what run.json says, the data set)."""
    folder = tmp_path_factory.mktemp(request.param)
    data, size = CASES[request.param][:2]
    (folder / "chain.toml").write_text(toml_of(*CASES[request.param]))
    succeed(folder, "run", "chain.toml")
    run = json.loads((folder / "runs/chain/run.json").read_text())
    dataset = DATASETS[data](size=tuple(size) if isinstance(size, list) else size).load()
    return TASKS[request.param]().fitted(dataset), folder, run, dataset


def test_every_stage_is_measured_by_the_task_and_none_is_much_worse(chain):
    task, _, run, dataset = chain
    assert run["task"]["name"] == task.name
    assert [metric["key"] for metric in run["metrics"]] == [metric.key for metric in task.METRICS]
    values = {stage["name"]: stage["metrics"] for stage in run["stages"]}
    for stage in values.values():
        assert list(stage) == [metric.key for metric in task.METRICS]
    if task.name == "multi_label":
        assert values["teacher"]["map"] > 0.8
        assert values["exported"]["map"] >= values["pruned"]["map"] - 0.01
    elif task.name == "counting":
        true = dataset.test.targets.counts
        assert values["teacher"]["mae"] < 0.7 * np.abs(true - true.mean()).mean()  # of who says the mean
        assert values["exported"]["mae"] <= 1.03 * values["pruned"]["mae"]
    elif task.name == "detection":
        assert min(values["teacher"]["ap50"], values["student"]["ap50"]) > 0.12  # small images, three epochs
        assert values["exported"]["ap50"] >= values["pruned"]["ap50"] - 0.01
        assert run["stages"][-1]["float_operators"] == []
    else:
        assert values["teacher"]["r2"] > 0.5
        assert values["exported"]["rmse"] <= 1.02 * values["pruned"]["rmse"]


def test_the_file_says_by_itself_what_the_table_says(chain):
    task, folder, run, dataset = chain
    told = json.loads((folder / "runs/chain/6-exported/model.json").read_text())
    assert told["task"]["name"] == task.name
    assert {output["name"] for output in told["outputs"]} == {output.in_file for output in task.OUTPUTS}
    images = dataset.test.read(np.arange(len(dataset.test)))
    if task.name == "detection":
        given = outputs_of(folder / "runs/chain/6-exported/model.tflite", images)
        said = detection.measure(given, dataset.test.targets.arrays(), run["task"])
        assert said == {key: pytest.approx(value) for key, value in run["stages"][-1]["metrics"].items()}
        return
    given = numbers_of(folder / "runs/chain/6-exported/model.tflite")(images)
    target = next(iter(dataset.test.targets.arrays().values()))
    measured = run["stages"][-1]["metrics"]
    if task.name == "multi_label":
        assert given.min() >= 0 and given.max() <= 1
        assert np.mean(((given >= 0.5) == target).all(-1)) == pytest.approx(measured["exact_match"])
    elif task.name == "counting":
        assert np.abs(given.sum(axis=(1, 2, 3)) - target).mean() == pytest.approx(measured["mae"], rel=1e-4)
    else:
        assert np.abs(given - target).mean() == pytest.approx(measured["mae"], rel=1e-5)  # in degrees


def test_the_onnx_file_says_what_the_tflite_says(chain):
    task, folder, run, dataset = chain
    said = OnnxPredictor(folder / "runs/chain/6-exported/model.onnx")(dataset.test.read(np.arange(len(dataset.test))))
    told = json.loads((folder / "runs/chain/6-exported/model.json").read_text())
    assert "model.onnx" in told["files"]
    assert {output["name"] for output in told["onnx"]["outputs"]} == {*said} == {o.in_file for o in task.OUTPUTS}
    onnx = run["stages"][-1]["onnx"]
    assert task.score(task.from_file(said, task.OUTPUTS[0].operator), dataset.test.targets.arrays()) == pytest.approx(
        onnx["score"], rel=1e-4
    )
    kept = 1 if task.SUMS else 0  # the layer whose sum counts stays in float
    assert len(onnx["kernels_in_float"]) == kept
    assert "model.onnx" in (folder / "runs/chain/report.md").read_text()


def test_the_model_card_has_the_runs_numbers_and_its_lines_say_what_the_file_says(chain, tmp_path):
    task, folder, run, dataset = chain
    exported = folder / "runs/chain/6-exported"
    card = ModelCard.load(exported / "README.md")
    measured, shown = run["stages"][-1]["metrics"], [m.title for m in task.METRICS if m.better]
    assert [result.metric_name for result in card.data.eval_results] == shown
    assert card.data.eval_results[0].metric_value == pytest.approx(measured[task.METRICS[0].key], rel=1e-4, abs=1e-6)
    tags = {"multi_label": "image-classification", "detection": "object-detection"}
    assert card.data.pipeline_tag == tags.get(task.name)

    image = dataset.test.read(np.arange(1))[0]
    said = said_by_card(exported, image, tmp_path)
    if task.name == "detection":
        given = outputs_of(exported / "model.detections.tflite", image[None])
        sure = (given["detection_scores"][0] >= run["task"]["confidence"]).sum()
        assert said.count("array(") == sure and (said == "[]\n") == (sure == 0)
        return
    (numbers,) = numbers_of(exported / "model.tflite")(image[None])
    if task.name == "multi_label":
        named = zip(dataset.label_names, numbers, strict=True)
        assert ast.literal_eval(said) == [name for name, number in named if number >= 0.5]
    elif task.name == "counting":
        assert float(said) == pytest.approx(numbers.sum(), rel=1e-4)
    else:
        wanted = dict(zip(dataset.label_names, numbers, strict=True))
        assert ast.literal_eval(said) == {name: pytest.approx(number, rel=1e-5) for name, number in wanted.items()}


def test_tables_and_report_are_of_the_task(chain):
    task, folder, run, _ = chain
    with (folder / "runs/chain/table.csv").open(newline="") as file:
        rows = {row["stage"]: row for row in csv.DictReader(file)}
    first = task.METRICS[0].key
    assert float(rows["exported"][first]) == run["stages"][-1]["metrics"][first]
    report = (folder / "runs/chain/report.md").read_text()
    titles = {"multi_label": "Classes", "regression": "Numbers", "counting": "Counts", "detection": "Boxes"}
    assert f"## {titles[task.name]}" in report
    assert (folder / "runs/chain/plots/predicted_over_true.png").exists() == (task.name in ("regression", "counting"))
    assert (folder / "runs/chain/plots/precision_over_recall.png").exists() == (task.name == "detection")
    assert (folder / "runs/chain/pictures.png").exists() == bool(task.PICTURE)
    assert ("(pictures.png)" in report) == bool(task.PICTURE)
    assert (folder / "runs/chain/plots/errors_by_count.png").exists() == (task.name == "counting")
    assert not (folder / "runs/chain/calibration.csv").exists() and "top-1" not in report


def test_evaluate_compare_and_predict(chain, succeed):
    task, folder, run, dataset = chain
    data, size, *_ = CASES[task.name]
    first = task.METRICS[0]
    for stage in ("6-exported", "4-pruned"):
        value = next(one for one in run["stages"] if one["name"] == stage[2:])["metrics"][first.key]
        told = succeed(folder, "evaluate", f"runs/chain/{stage}", "--data", data)
        assert f"{first.title} {first.compact(value)}" in told
    told = succeed(folder, "compare", "runs/chain/4-pruned", "runs/chain/6-exported", "--data", data)
    assert first.title in told and task.CLOSENESS.title in told
    image = dataset.test.read(np.arange(1))[0]
    Image.fromarray(image).save(folder / "one.png")
    told = succeed(folder, "predict", "runs/chain/6-exported/model.tflite", "one.png")
    if task.name == "detection":
        lines = told.strip().removeprefix("one.png: ").split("; ")
        (said,) = map(
            json.loads, succeed(folder, "predict", "runs/chain/6-exported", "one.png", "--json", "--draw").splitlines()
        )
        assert said["picture"] == "pictures/one-boxes.png" and said["image"] == "one.png"
        assert np.asarray(Image.open(folder / said["picture"])).shape == image.shape
        assert len(said["boxes"]) == (0 if lines == ["nothing found"] else len(lines))
        for line, box in zip(lines, said["boxes"], strict=False):
            x0, y0, x1, y1 = box["box"]
            assert line == f"{box['class']} ({box['score']:.1%}) at {x0:.0f},{y0:.0f} to {x1:.0f},{y1:.0f}"
        return
    (number,) = numbers_of(folder / "runs/chain/6-exported/model.tflite")(image[None])
    if task.name == "counting":
        assert told.strip() == f"one.png: {number.sum():.1f} people (map: pictures/one-map.png)"
        assert np.asarray(Image.open(folder / "pictures/one-map.png")).shape == image.shape
    elif task.name == "regression":
        assert told.strip() == f"one.png: degrees {number[0]:.4g}"
    else:
        assert all(f"{digit} ({number[digit]:.1%})" in told for digit in np.flatnonzero(number >= 0.5))


def test_on_a_board(chain, succeed):
    task, folder, run, _ = chain
    succeed(folder, "bundle", "chain.toml")
    bundle = folder / "runs/chain/jetson-bundle"
    words = ["benchmark", ".", "--repetitions", "1", "--threads", "1", "--power-seconds", "0", "--out", "out.json"]
    done = subprocess.run([sys.executable, "jetson.pyz", *words], cwd=bundle, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    result = json.loads((bundle / "out.json").read_text())
    stages = {stage["name"]: stage["metrics"] for stage in run["stages"]}
    for model in result["models"]:
        wanted = stages[model["role"]]
        close = {"abs": 0.01} if model["file"] == "model.detections.tflite" else {"rel": 1e-4}
        assert model["accuracy"]["metrics"] == {key: pytest.approx(wanted[key], **close) for key in wanted}
        assert ("postprocess_ms" in model["accuracy"]) == (task.name == "detection")
        told = model["accuracy"]["expected"]
        assert told["same_answers"] == 1
        # boxes that may come in another order are not compared number by number
        assert ("within_tolerance" in told) == (model["file"] != "model.detections.tflite")
        assert told.get("within_tolerance", 1) == 1
    assert task.METRICS[0].title in done.stdout
    assert len(result["models"]) == (3 if task.name == "detection" else 2)
    assert done.stdout.count("ms more an image behind its outputs") == (3 if task.name == "detection" else 0)
    lines = boards_table([parse(result, "out.json")])
    assert all(metric.title in lines[0] for metric in task.METRICS if metric.in_table)
    assert ("post-processing ms" in lines[0]) == (task.name == "detection")
    assert len({line.count("|") for line in lines}) == 1


@pytest.mark.slow
def test_a_sweep_shares_the_stages(chain, succeed):
    task, folder, run, _ = chain
    told = succeed(folder, "sweep", "chain.toml", "--set", "quantized.calibration=minmax,percentile", "--name", "two")
    assert "2 points" in told
    with (folder / "runs/two/sweep.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    first = task.METRICS[0].key
    assert float(rows[0][first]) == run["stages"][-1]["metrics"][first]
    assert (folder / f"runs/two/plots/{first}.png").is_file()


def test_a_method_and_a_loss_for_classes_are_refused_before_anything_is_trained(tmp_path, jetslim):
    (tmp_path / "chain.toml").write_text(toml_of("turned_digits", 16, "logits", 32, "plain4", "plain2"))
    for words, message in (
        ((), 'method "logits" is for the task classification, but the task is regression'),
        (("--set", "student.method={ name = \"outputs\" }", "--set", "teacher.label_loss={ name = \"cross_entropy\" }"),
         'label_loss "cross_entropy" is for the task classification, but the task is regression'),
        (("--set", "task.name=multi_label"), "turned_digits has no class sets"),
        (("--set", "task.name=tracking"), "unknown task 'tracking'"),
    ):  # fmt: skip
        done = jetslim("run", "chain.toml", *words, cwd=tmp_path)
        assert done.returncode == 2
        assert message in done.stderr and done.stderr.count("\n") == 1
        assert not (tmp_path / "store").exists()
