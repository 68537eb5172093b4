"""The zipapp on a real model with the real interpreter, as on a board."""

import importlib.util
import json
import re
import time
from pathlib import Path

import numpy as np
import pytest

from jetson import result as results

_spec = importlib.util.spec_from_file_location("tegrastats_lines", Path(__file__).with_name("tegrastats_lines.py"))
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
LINES = _module.LINES
QUICK = ("--repetitions", "1", "--threads", "1", "--power-seconds", "0")


def only_result(folder):
    (path,) = (folder / "results").glob("*.json")
    return json.loads(path.read_text())


def test_the_zipapp_is_small(pyz):
    assert pyz.stat().st_size < 100_000
    assert {path.name for path in pyz.parent.iterdir()} >= {
        "README.md", "requirements-jetpack4.txt", "requirements-jetpack5.txt", "requirements-jetpack6.txt",
        "requirements-jetpack7.txt",
    }  # fmt: skip
    assert len((pyz.parent / "README.md").read_text().splitlines()) == 11


def test_a_bare_model(jetson, tflite, tmp_path):
    (tmp_path / "own.tflite").write_bytes(tflite.read_bytes())
    done = jetson("benchmark", "own.tflite", "--power-seconds", "0", "--threads", "1,2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = only_result(tmp_path)
    assert found["digest"] == results.seal(found)
    (model,) = found["models"]
    assert model["bytes"] == tflite.stat().st_size
    assert [entry["threads"] for entry in model["latency"]] == [1, 2]
    for entry in model["latency"]:
        assert [len(one["samples_ms"]) for one in entry["repetitions"]] == [50, 50, 50]
        for one in entry["repetitions"]:
            assert one["warm_up_runs"] >= 5
            assert one["load_ms"] > 0
            assert one["first_ms"] > 0
            assert 10 < one["peak_memory_mb"] < 1000
            assert one["delegate"] == "XNNPACK"
        every = [sample for one in entry["repetitions"] for sample in one["samples_ms"]]
        assert entry["ms"]["mean"] == pytest.approx(np.mean(every))
        assert entry["ms"]["runs"] == 150
    assert model["accuracy"] is None
    assert found["bundle"] is None
    assert found["runtime"]["name"] == "ai-edge-litert"
    assert found["board"]["is_jetson"] is False
    assert found["power_source"] is None
    assert "own.tflite" in done.stdout
    assert "[6/6] own.tflite, 2 threads, repetition 3: " in done.stderr


def test_a_bundle(jetson, bundle):
    done = jetson("benchmark", ".", *QUICK, cwd=bundle)
    assert done.returncode == 0, done.stderr
    found = only_result(bundle)
    assert found["bundle"]["pipeline"] == "toy"
    for model in found["models"]:
        accuracy = model["accuracy"]
        assert (accuracy["images"], accuracy["metrics"]) == (30, {"top1": 0.9, "top5": None})
        assert accuracy["intervals"]["top1"] == pytest.approx([0.7438, 0.9654], abs=1e-4)
        assert accuracy["expected"]["same_answers"] == 1.0
        assert accuracy["expected"]["within_tolerance"] == 1.0
    # the manifest names another version of the interpreter than this one
    assert any("compare no latencies across the two" in warning for warning in found["warnings"])


def test_models_take_turns(jetson, bundle):
    done = jetson("benchmark", ".", "--repetitions", "2", "--threads", "1", "--power-seconds", "0", cwd=bundle)
    measured = [line.split("] ")[1].split(",")[0] for line in done.stderr.splitlines() if line.startswith("[")]
    assert measured == ["model.tflite", "teacher.tflite"] * 2


@pytest.mark.parametrize(
    ("name", "damage", "words"),
    [
        ("model.tflite", lambda content: content[:-1], "the manifest says"),
        ("model.tflite", lambda content: content[:-1] + b"\1", "its sha256 differs"),
        ("testset.npz", lambda content: content[:100] + b"\1" + content[101:], "its sha256 differs"),
        ("manifest.json", lambda content: content[:-5], "is damaged"),
        (
            "manifest.json",
            lambda content: content.replace(b"jetslim-bundle/3", b"jetslim-bundle/9"),
            "is unknown to this runner",
        ),
        (
            "manifest.json",
            lambda content: content.replace(b'"testset.npz": {', b'"../testset.npz": {'),
            "not a plain file name",
        ),
        ("manifest.json", lambda content: b"[]", "is damaged"),
    ],
)
def test_nothing_of_a_damaged_bundle_is_loaded(jetson, bundle, name, damage, words):
    path = bundle / name
    path.write_bytes(damage(path.read_bytes()))
    done = jetson("benchmark", ".", *QUICK, cwd=bundle)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (bundle / "results").exists()
    doctor = jetson("doctor", cwd=bundle)
    assert doctor.returncode == 1
    assert "DAMAGED" in doctor.stdout


@pytest.mark.parametrize("words", [["benchmark", "nothing.tflite"], ["benchmark", "."], ["benchmark", "x", "--runs", "49"],
                                   ["benchmark", "x", "--threads", "0"], ["benchmark", "x", "--idle-seconds", "-1"], ["benchmark", "x", "--timeout", "0"], ["measure"], []])  # fmt: skip
def test_a_users_mistake_is_code_2_without_a_traceback(jetson, tmp_path, words):
    done = jetson(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "error: " in done.stderr


def test_a_file_that_is_no_model_is_a_result(jetson, tmp_path):
    (tmp_path / "text.tflite").write_text("not a model")
    done = jetson("benchmark", "text.tflite", *QUICK, cwd=tmp_path)
    assert done.returncode == 1
    assert "could not be measured: text.tflite" in done.stderr
    (model,) = only_result(tmp_path)["models"]
    assert model["latency"][0]["ms"] is None
    assert model["latency"][0]["errors"]


def test_a_model_of_any_size_is_measured_at_the_size_that_is_named(jetson, tmp_path):
    """Two inputs, and the same of any size: 1x1 pixel, which the interpreter has of itself, is no size."""
    from compress import keras

    tf = keras.tf
    image = tf.TensorSpec([None, None, None, 3])
    both = tf.function(lambda a, b: tf.reduce_mean(a * b, (1, 2))).get_concrete_function(image, image)
    (tmp_path / "any.tflite").write_bytes(
        tf.lite.TFLiteConverter.from_concrete_functions([both], tf.Module()).convert()
    )
    refused = jetson("benchmark", "any.tflite", *QUICK, cwd=tmp_path)
    assert refused.returncode == 1
    assert "accepts examples of any size (?x?x3): give one, such as --size" in refused.stderr.splitlines()[-1]
    done = jetson("benchmark", "any.tflite", *QUICK, "--size", "48x96", "--out", "out.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (model,) = json.loads((tmp_path / "out.json").read_text())["models"]
    assert model["latency"][0]["repetitions"][0]["input"] == {"shape": [1, 48, 96, 3], "dtype": "float32"}
    assert jetson("benchmark", "any.tflite", "--size", "0", cwd=tmp_path).returncode == 2


def test_a_bundle_is_fed_the_pixels_that_are_named(jetson, bundle):
    """-1..1 instead of [0, 1]: other outputs than the manifest expects."""
    done = jetson("benchmark", "model.tflite", *QUICK, "--pixels", "-1..1", cwd=bundle)
    assert done.returncode == 0, done.stderr
    (model,) = only_result(bundle)["models"]
    assert model["accuracy"]["expected"]["within_tolerance"] < 1
    wrong = jetson("benchmark", "model.tflite", *QUICK, "--pixels", "0..2555", cwd=bundle)
    assert wrong.returncode == 2
    assert wrong.stderr == "error: unknown pixels '0..2555': 0..255, or SCALE,OFFSET of a byte\n"


def test_a_model_that_hangs_is_given_up(jetson, tflite, tmp_path):
    (tmp_path / "m.tflite").write_bytes(tflite.read_bytes())
    done = jetson("benchmark", "m.tflite", *QUICK, "--timeout", "0.01", cwd=tmp_path)
    assert done.returncode == 1
    assert only_result(tmp_path)["models"][0]["latency"][0]["errors"] == ["did not finish within 0.01 s"]


def overhead(jetson, folder):
    done = jetson("overhead", "m.tflite", cwd=folder)
    assert done.returncode == 0, done.stderr
    timed, bare = (float(word) for word in re.findall(r"([\d.]+) ms", done.stdout))
    return timed, bare, float(re.search(r"([+-][\d.]+) %", done.stdout).group(1))


def test_the_timing_costs_less_than_a_microsecond(jetson, tflite, tmp_path):
    (tmp_path / "m.tflite").write_bytes(tflite.read_bytes())
    timed, bare, _ = overhead(jetson, tmp_path)
    assert abs(timed - bare) < 0.001


def test_the_timing_is_within_2_percent_of_a_bare_loop(jetson, tmp_path):
    from compress import keras
    from compress.export.convert import Converter

    image = x = keras.Input((32, 32, 3))
    for _ in range(4):
        x = keras.layers.Conv2D(64, 3, padding="same", activation="relu")(x)
    x = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x))
    (tmp_path / "m.tflite").write_bytes(Converter(keras.Model(image, x)).dense())
    assert abs(min((overhead(jetson, tmp_path)[2] for _ in range(3)), key=abs)) < 2


def test_doctor_is_quick(jetson, bundle):
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        done = jetson("doctor", cwd=bundle)
        seconds.append(time.perf_counter() - start)
    assert done.returncode == 0, done.stdout
    assert "bundle       whole: model.tflite, teacher.tflite" in done.stdout
    assert "no Jetson: its numbers are labelled so" in done.stdout
    assert min(seconds) < 2


def replay(folder, line):
    """A program that says a recorded line again and again, as tegrastats does."""
    path = folder / "tegrastats"
    path.write_text(f"#!/bin/sh\nwhile :; do echo '{line}'; sleep 0.05; done\n")
    path.chmod(0o755)
    return path


POWER = ("--repetitions", "1", "--threads", "1", "--power-seconds", "2", "--idle-seconds", "1")


def test_power_from_a_replayed_tegrastats(jetson, tflite, tmp_path):
    program = replay(tmp_path, LINES["xavier_nx_jetpack4"])
    (tmp_path / "m.tflite").write_bytes(tflite.read_bytes())
    done = jetson("benchmark", "m.tflite", *POWER, "--tegrastats", program, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = only_result(tmp_path)
    assert (found["power_source"], found["replay"]) == ("replay", True)
    energy = found["models"][0]["latency"][0]["energy"]
    assert (energy["rail"], energy["idle_mw"], energy["busy_mw"]) == ("VDD_IN", 14703, 14703)
    assert energy["energy_mj"] == pytest.approx(14703 * energy["seconds"] / energy["inferences"])
    assert energy["energy_above_idle_mj"] == 0
    assert energy["samples"] >= 10
    assert "the power loop was shorter than 20 s" in found["warnings"]
    assert "board or power are replayed from files: this is no measurement" in found["warnings"]


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (lambda folder: replay(folder, "no line of it"), "m.tflite, 1 thread: only 0 power samples"),
        (lambda folder: folder / "nothing", "power could not be measured: "),
    ],
)
def test_without_power_samples_the_rest_is_kept_and_it_says_so(jetson, tflite, tmp_path, program, words):
    (tmp_path / "m.tflite").write_bytes(tflite.read_bytes())
    done = jetson("benchmark", "m.tflite", *POWER, "--tegrastats", program(tmp_path), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = only_result(tmp_path)
    assert any(warning.startswith(words) for warning in found["warnings"]), found["warnings"]
    assert found["models"][0]["latency"][0]["ms"]["runs"] == 50


def test_another_boards_files_make_no_measurement(jetson, tflite, tmp_path):
    (tmp_path / "m.tflite").write_bytes(tflite.read_bytes())
    (tmp_path / "root/etc").mkdir(parents=True)
    (tmp_path / "root/etc/nv_tegra_release").write_text("# R35 (release), REVISION: 4.1, GCID: 1, BOARD: t186ref")
    done = jetson("benchmark", "m.tflite", *QUICK, "--sysroot", tmp_path / "root", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = only_result(tmp_path)
    assert (found["board"]["is_jetson"], found["board"]["jetpack"], found["replay"]) == (True, "5.1.2", True)


def test_two_at_once_are_refused(jetson, tflite, tmp_path):
    import fcntl

    (tmp_path / "m.tflite").write_bytes(tflite.read_bytes())
    (tmp_path / "results").mkdir()
    with (tmp_path / "results/.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        done = jetson("benchmark", "m.tflite", *QUICK, cwd=tmp_path)
    assert done.returncode == 2
    assert "another benchmark is running in results" in done.stderr
    assert not list((tmp_path / "results").glob("*.json"))


def test_a_model_of_a_bundle_is_compared_with_its_manifest(jetson, bundle):
    assert jetson("benchmark", "model.tflite", *QUICK, cwd=bundle).returncode == 0
    found = only_result(bundle)
    assert [model["file"] for model in found["models"]] == ["model.tflite"]
    assert found["bundle"]["pipeline"] == "toy"
    (bundle / "model.tflite").write_bytes((bundle / "model.tflite").read_bytes()[:-4])
    done = jetson("benchmark", "model.tflite", *QUICK, cwd=bundle)
    assert done.returncode == 2
    assert "the manifest says" in done.stderr
