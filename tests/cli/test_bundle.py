"""`jetslim bundle` on what a finished pipeline left, read by the runner itself."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from compress.pipeline.bundle import stratified
from compress.targets import ClassIndices
from tests.said import said_by_card

ROOT = Path(__file__).parents[2]


@pytest.fixture
def bundled(main, small, tmp_path, monkeypatch):
    """What `make bundle` makes, in a folder of runs of its own."""
    monkeypatch.chdir(small.folder)

    def call(*more):
        return main("bundle", small.toml.name, "--runs", tmp_path / "runs", *more)

    code, output, errors = call()
    assert code == 0, errors
    assert "model.tflite" in output
    return tmp_path / "runs" / "small" / "jetson-bundle", call


def test_the_manifest_names_every_file(bundled):
    folder, _ = bundled
    manifest = json.loads((folder / "manifest.json").read_text())
    names = {path.name for path in folder.iterdir()}
    assert names == {*manifest["files"], "manifest.json"}
    assert names >= {"model.tflite", "teacher.tflite", "testset.npz", "jetson.pyz", "README.md", "labels.txt"}
    for name, facts in manifest["files"].items():
        content = (folder / name).read_bytes()
        assert facts == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert [(model["file"], model["role"], model["precision"]) for model in manifest["models"]] == [
        ("model.tflite", "exported", "int8"), ("teacher.tflite", "teacher", "float32"),
    ]  # fmt: skip
    assert manifest["preprocessing"] == {"fit": "stretch", "resize": [16, 16], "filter": "bilinear", "divide_by": 255}
    assert manifest["labels"] == ["blue", "green", "red"]


def test_the_test_images_are_the_test_split(bundled):
    folder, _ = bundled
    with np.load(folder / "testset.npz", allow_pickle=False) as arrays:
        images, labels = arrays["images"], arrays["labels"]
    assert images.shape == (60, 16, 16, 3)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(np.bincount(labels), [20, 20, 20])


def test_the_runner_gets_the_stages_top1(bundled, small):
    folder, call = bundled
    words = ["--repetitions", "1", "--threads", "1", "--power-seconds", "0"]
    done = subprocess.run(
        [sys.executable, folder / "jetson.pyz", "benchmark", ".", *words], cwd=folder, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    (path,) = (folder / "results").glob("*.json")
    found = json.loads(path.read_text())
    facts = [
        json.loads((small.folder / "runs/small" / stage / "stage.json").read_text())
        for stage in ("6-exported", "1-teacher")
    ]
    for model, fact in zip(found["models"], facts, strict=True):
        assert model["accuracy"]["metrics"]["top1"] == pytest.approx(fact["score"])
        assert model["host_score"] == fact["score"]
        assert model["accuracy"]["expected"]["within_tolerance"] == 1.0
    assert not [warning for warning in found["warnings"] if "compare no latencies" in warning]
    assert call()[0] == 0
    assert path.exists()  # made again, the bundle keeps what was measured in it


def test_a_network_of_bytes_on_the_board(small, jetslim, tmp_path):
    """uint8 in, int8 logits out: the runner finds the same classes, and gets what the host expects."""
    shutil.copytree(small.folder, tmp_path, symlinks=True, dirs_exist_ok=True)
    settings = ["--set", "exported.input_type=uint8", "--set", "exported.output_type=int8"]
    for words in (["run", small.toml.name], ["bundle", small.toml.name]):
        done = jetslim(*words, *settings, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    folder = tmp_path / "runs" / "small" / "jetson-bundle"
    manifest = json.loads((folder / "manifest.json").read_text())
    card = (tmp_path / "runs/small/6-exported/README.md").read_bytes()
    assert (folder / "MODEL_CARD.md").read_bytes() == card and "MODEL_CARD.md" in manifest["files"]
    model, teacher = manifest["models"]
    assert (model["input_type"], model["output_type"]) == ("uint8", "int8")
    assert (teacher["input_type"], teacher["output_type"]) == ("float32", "float32")
    assert manifest["preprocessing"]["divide_by"] == 1
    assert model["tolerance"]["logits"] > 1e-3
    assert min(map(min, model["expected"]["logits"])) < 0  # logits
    data = tomllib.loads(small.toml.read_text())["data"]["path"]
    green = np.asarray(Image.open(next(Path(data).glob("test/green/*.png"))))
    assert said_by_card(tmp_path / "runs/small/6-exported", green, tmp_path / "card") == "green\n"
    words = ["benchmark", ".", "--repetitions", "1", "--threads", "1", "--power-seconds", "0", "--out", "result.json"]
    done = subprocess.run([sys.executable, folder / "jetson.pyz", *words], cwd=folder, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    found = json.loads((folder / "result.json").read_text())["models"][0]
    assert found["latency"][0]["repetitions"][0]["input"]["dtype"] == "uint8"
    assert found["accuracy"]["metrics"]["top1"] == pytest.approx(found["host_score"])
    assert found["accuracy"]["expected"]["within_tolerance"] == 1.0
    # the host's own commands on the same file
    path = folder / "model.tflite"
    told = jetslim("evaluate", path, "--data", data, cwd=tmp_path).stdout
    assert f"top-1 {found['host_score']:.2%}" in told
    told = jetslim("predict", path, next(Path(data).glob("test/red/*.png")), cwd=tmp_path).stdout
    assert re.search(r": (red|green|blue) \(\d+\.\d%\)", told)


def test_what_was_not_run_cannot_be_bundled(main, small, tmp_path, monkeypatch):
    monkeypatch.chdir(small.folder)
    code, _, errors = main("bundle", small.toml.name, "--seed", "77", "--runs", tmp_path / "runs")
    assert code == 2
    assert "was not run to its end with these settings" in errors
    assert not (tmp_path / "runs").exists()


def test_a_stratified_choice():
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    chosen = stratified(ClassIndices(labels), 20, 0)
    assert len(set(chosen)) == 20
    np.testing.assert_array_equal(np.bincount(labels[chosen]), [12, 6, 2])
    # 2.5, 2.5 and 5 of 10: one of the halves goes up
    assert sorted(
        np.bincount(np.repeat([0, 1, 2], [5, 5, 10])[stratified(ClassIndices(np.repeat([0, 1, 2], [5, 5, 10])), 10, 0)])
    ) == [2, 3, 5]
    assert sorted(stratified(ClassIndices(labels), 100, 0)) == list(range(100))
    np.testing.assert_array_equal(stratified(ClassIndices(labels), 20, 3), stratified(ClassIndices(labels), 20, 3))
