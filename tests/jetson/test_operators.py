"""A board's times of single operators: made from what a bundle carries, and narrowed by."""

import hashlib
import json
import math
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from compress.results import read_run
from jetson.result import seal

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bundle(small, jetslim, tmp_path_factory):
    """What `make bundle` makes of a pipeline that narrows."""
    folder = tmp_path_factory.mktemp("bundle")
    words = ["--store", small.folder / "store", "--runs", folder / "runs"]
    done = jetslim("bundle", small.toml, *words, cwd=small.folder)
    assert done.returncode == 0, done.stderr
    return folder / "runs/small/jetson-bundle"


def test_the_bundle_lists_operators_of_the_network_before_narrowing(bundle):
    with zipfile.ZipFile(bundle / "operators.zip") as archive:
        entries = json.loads(archive.read("operators.json"))
        names = set(archive.namelist())
        assert {entry["file"] for entry in entries} | {"operators.json"} == names
        assert all(archive.read(entry["file"])[4:8] == b"TFL3" for entry in entries[::10])
    assert len({(entry["family"], entry["widths"]) for entry in entries}) == len(entries)
    assert {entry["family"].split()[0] for entry in entries} >= {"CONV_2D", "ADD", "MEAN", "FULLY_CONNECTED"}
    assert (bundle / "operators.zip").stat().st_size < 1_000_000  # weights are zeros


@pytest.fixture(scope="module")
def table(bundle):
    words = [sys.executable, "jetson.pyz", "operators", "--out", "results/table.json"]
    done = subprocess.run(words, cwd=bundle, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert "timed " in done.stdout
    assert "0 s left" in done.stderr
    return bundle / "results/table.json"


def test_every_operator_has_a_time(bundle, table):
    content = json.loads(table.read_text())
    assert content["digest"] == seal(content)
    assert content["schema"] == "jetslim-operators/1"
    assert content["errors"] == []
    assert content["machine"]["cores"] >= 1
    with zipfile.ZipFile(bundle / "operators.zip") as archive:
        entries = json.loads(archive.read("operators.json"))
    times = [content["operators"][entry["family"]][entry["widths"]] for entry in entries]
    assert all(0 < time < 100 for time in times)


def test_a_network_is_narrowed_for_that_board(small, table, jetslim, tmp_path):
    """By the times of a board on which an operator takes as long as it has weights: on some processors those of a
    network so small hardly depend on its channels."""
    content = json.loads(table.read_text())
    for times in content["operators"].values():
        times |= {widths: 1e-4 * math.prod(map(int, widths.split("x"))) for widths in times if widths}
    (tmp_path / "board.json").write_text(json.dumps(content))
    toml = tmp_path / "small.toml"
    toml.write_text(small.toml.read_text().replace("parameters = 0.6", 'latency = 0.6\ndevice = "board.json"'))
    done = jetslim("run", toml, "--store", small.folder / "store", "--runs", tmp_path, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "timing" not in done.stdout
    result = read_run(tmp_path / "small/run.json").stage("narrowed").narrowing
    assert result.measured_ms is None  # the board is not here
    assert result.predicted_ms.after <= 0.6 * result.predicted_ms.before
    assert result.device["cores"] == json.loads(table.read_text())["machine"]["cores"]
    assert "latency of the int8 file (ms), sum of its operators" in (tmp_path / "small/report.md").read_text()


def test_the_table_of_another_network_is_refused_before_it_trains(small, table, jetslim, tmp_path):
    content = json.loads(table.read_text())
    content["operators"] = {name: times for name, times in content["operators"].items() if "CONV" not in name}
    (tmp_path / "other.json").write_text(json.dumps(content))
    toml = tmp_path / "small.toml"
    toml.write_text(small.toml.read_text().replace("parameters = 0.6", 'latency = 0.6\ndevice = "other.json"'))
    done = jetslim("run", toml.name, "--store", small.folder / "store", "--runs", tmp_path, cwd=tmp_path)
    assert done.returncode == 2
    assert (
        "device other.json was made for another network: it contains none of the convolutions of this one"
        in done.stderr
    )
    assert "epoch" not in done.stdout


def test_a_bundle_without_operators(bundle, tmp_path):
    copied = shutil.copytree(bundle, tmp_path / "bundle")
    manifest = json.loads((copied / "manifest.json").read_text())
    del manifest["files"]["operators.zip"]
    (copied / "manifest.json").write_text(json.dumps(manifest))
    done = subprocess.run([sys.executable, "jetson.pyz", "operators"], cwd=copied, text=True, capture_output=True)
    assert done.returncode == 2
    assert "has no operators.zip" in done.stderr


def test_an_operator_that_crashes_is_reported_and_the_others_go_on(bundle, tmp_path):
    copied = shutil.copytree(bundle, tmp_path / "bundle", ignore=shutil.ignore_patterns("results"))
    with zipfile.ZipFile(bundle / "operators.zip") as old, zipfile.ZipFile(copied / "operators.zip", "w") as new:
        for name in old.namelist():
            new.writestr(name, b"TFL3" if name == "0000.tflite" else old.read(name))
    content = (copied / "operators.zip").read_bytes()
    manifest = json.loads((copied / "manifest.json").read_text())
    manifest["files"]["operators.zip"] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (copied / "manifest.json").write_text(json.dumps(manifest))
    done = subprocess.run([sys.executable, "jetson.pyz", "operators"], cwd=copied, text=True, capture_output=True)
    assert done.returncode == 0
    assert done.stdout.count("warning: ") == 1
    (path,) = (copied / "results").glob("operators-*.json")
    with zipfile.ZipFile(bundle / "operators.zip") as archive:
        entries = json.loads(archive.read("operators.json"))
    assert sum(map(len, json.loads(path.read_text())["operators"].values())) == len(entries) - 1
