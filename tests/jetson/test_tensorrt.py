"""The runner beside TensorRT, by a stand-in for trtexec whose times are no measurement and whose answers are real."""

import hashlib
import json
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from compress import fake_quant, keras
from compress.export import onnx
from compress.export.convert import Converter
from compress.quantize.fold import fold
from compress.quantize.qat import quantization_aware
from compress.tasks import Classification
from jetson import trtexec

QUICK = ("--repetitions", "2", "--threads", "1", "--power-seconds", "0")
REPLAY = Path(__file__).with_name("trtexec_replay.py")


@pytest.fixture(scope="module")
def files():
    """model.tflite, model.onnx (int8) and float.onnx of one network on 8x8 images."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(8, 3, activation="relu")(image)
    network = keras.Model(image, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x)))
    images = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 3), dtype="uint8")
    aware = quantization_aware(network, [images.astype("float32") / 255], symmetric=True)
    fake_quant.freeze_quantized_kernels(aware)
    written = {
        "model.onnx": onnx.written(aware, Classification.OUTPUTS).SerializeToString(),
        "float.onnx": onnx.written(fold(network), Classification.OUTPUTS).SerializeToString(),
    }
    return images, {"model.tflite": Converter(aware).dense(), **written}


@pytest.fixture
def folder(bundle, files):
    """The bundle of this folder with ONNX files."""
    images, contents = files
    manifest = json.loads((bundle / "manifest.json").read_text())
    (bundle / "model.tflite").write_bytes(contents["model.tflite"])
    manifest["onnx"] = {}
    for name, precisions in (("model.onnx", ["int8"]), ("float.onnx", ["fp16", "float32"])):
        (bundle / name).write_bytes(contents[name])
        said = onnx.OnnxPredictor(contents[name])(images[:2])  # a process each
        expected = {output: values.tolist() for output, values in said.items()}
        manifest["onnx"][name] = {"precisions": precisions, "divide_by": 255, "expected": expected}
    np.savez(bundle / "testset.npz", images=images, labels=np.zeros(30, np.int64))
    for name in ("model.tflite", "model.onnx", "float.onnx", "testset.npz"):
        content = (bundle / name).read_bytes()
        manifest["files"][name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    return bundle


@pytest.fixture
def program(tmp_path):
    """The stand-in for a version of trtexec, by its number."""

    def make(version):
        path = tmp_path / f"trtexec-{version}"
        path.write_text(f"#!{sys.executable}\n{REPLAY.read_text()}")
        path.chmod(0o755)
        return path

    return make


def result(folder):
    newest = max((folder / "results").glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    return json.loads(newest.read_text())


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("[TensorRT v8502]", (8, 5, 2)),
        ("[TensorRT v100300]", (10, 3, 0)),
        ("[TensorRT v110002]", (11, 0, 2)),
        ("", None),
    ],
)
def test_the_version_is_read_from_what_it_says_first(said, version):
    assert trtexec.parse_version(f"&&&& RUNNING TensorRT.trtexec {said} # trtexec --help") == version


@pytest.mark.parametrize(
    ("number", "version", "flags", "precisions"),
    [
        ("8502", "8.5.2", ["--int8", "--fp16"], ["fp16", "float32", "int8"]),
        ("100300", "10.3.0", ["--int8", "--fp16"], ["fp16", "float32", "int8"]),
        ("110000", "11.0.0", [], ["float32", "int8"]),
    ],
)
def test_engines_are_built_timed_and_asked(jetson, folder, program, number, version, flags, precisions):
    done = jetson("benchmark", ".", *QUICK, "--trtexec", program(number), cwd=folder)
    assert done.returncode == 0, done.stderr
    found = result(folder)
    assert found["replay"] is True
    assert any("this is no measurement" in warning for warning in found["warnings"])
    tensorrt = found["tensorrt"]
    assert tensorrt["engine"] == {"name": "TensorRT", "version": version}
    timed = [engine for engine in tensorrt["engines"] if engine["ms"]]
    assert [engine["precision"] for engine in timed] == precisions
    for engine in timed:
        assert [len(repetition["samples_ms"]) for repetition in engine["repetitions"]] == [50, 50]
        # 1.00, 1.01, 1.02 ms, and a tenth more for the copies, which version 11 times only where it is told to
        assert engine["ms"]["p50"] == pytest.approx(1.11)
        assert engine["compute_ms"]["p50"] == pytest.approx(1.01)
        assert engine["expected"] == {
            "images": 2,
            "same_answers": 1.0,
            "largest_difference": pytest.approx(0, abs=1e-5),
        }
    assert next(engine for engine in timed if engine["precision"] == "int8")["flags"] == flags
    assert f"TensorRT {version} in int8 1.11 ms" in done.stdout
    assert "model.onnx, TensorRT in int8" in done.stdout
    untyped = [engine for engine in tensorrt["engines"] if engine["precision"] == "fp16"]
    assert (untyped[0]["errors"] != []) == (number == "110000")


@pytest.mark.slow
def test_an_engine_is_built_once_a_version(jetson, folder, program):
    for number, built in (("8502", True), ("8502", False), ("100300", True)):
        jetson("benchmark", ".", *QUICK, "--trtexec", program(number), cwd=folder)
        seconds = [engine["build_s"] for engine in result(folder)["tensorrt"]["engines"]]
        assert all((second is not None) == built for second in seconds)
        time.sleep(1.1)  # a result is named by its second
    assert len(list((folder / "engines").glob("*.plan"))) == 6
    assert not list((folder / "engines").glob(".*"))


@pytest.mark.parametrize(
    ("ill", "words"),
    [
        ("refuses", "While parsing node number 3"),
        pytest.param("hangs", "did not finish", marks=pytest.mark.slow),
    ],
)
def test_an_engine_that_cannot_be_built_is_a_line_and_the_others_go_on(jetson, folder, program, ill, words):
    done = jetson(
        "benchmark", ".", *QUICK, "--timeout", "1.5", "--trtexec", program("8502"), cwd=folder, REPLAY_ILL=ill
    )
    assert done.returncode == 0, done.stderr
    engines = {engine["precision"]: engine for engine in result(folder)["tensorrt"]["engines"]}
    assert words in engines["fp16"]["errors"][0]
    assert engines["fp16"]["ms"] is None
    assert engines["int8"]["ms"] is not None
    assert done.stdout.count("warning: float.onnx, TensorRT in fp16: no engine: ") == 1
    assert not list((folder / "engines").glob("*fp16*"))


def test_without_trtexec_there_is_one_line(jetson, folder):
    done = jetson("benchmark", ".", *QUICK, cwd=folder, PATH="/bin")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("there is no trtexec here") == 1
    assert "missing" in result(folder)["tensorrt"]


def test_litert_on_the_gpu_is_measured_or_says_why_not(jetson, folder):
    done = jetson("benchmark", ".", *QUICK, "--accelerator", "gpu", cwd=folder)
    assert done.returncode == 0, done.stderr
    for model in result(folder)["models"]:
        accelerated = model["accelerated"]
        assert "error" in accelerated or accelerated["ms"]["p50"] > 0
        assert "\n" not in accelerated.get("error", "")


def test_litert_s_compiled_model_gives_the_answers_that_are_expected(files, tmp_path):
    """On the processor, which every machine has."""
    from jetson import worker

    images, contents = files
    path = tmp_path / "model.tflite"
    path.write_bytes(contents["model.tflite"])
    np.savez(tmp_path / "testset.npz", images=images)
    expected = {
        name: values[:4].tolist() for name, values in onnx.OnnxPredictor(contents["model.onnx"])(images[:4]).items()
    }
    answer = worker.accelerated(
        str(path), None, None, "cpu", 50, str(tmp_path / "testset.npz"), {"name": "classification"}, expected, 255
    )
    assert len(answer["samples_ms"]) == 50
    assert answer["expected"] == {"images": 4, "same_answers": 1.0}
