"""A small real model, and the runner as a user starts it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from compress.pipeline.runner import pack
from tests.said import numbers_of

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def tflite(tmp_path_factory):
    """A convolution, a pool and a dense layer on 8x8 images: float32, about 3 kB."""
    from compress import keras
    from compress.export.convert import Converter

    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(8, 3, activation="relu")(image)
    x = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x))
    path = tmp_path_factory.mktemp("model") / "model.tflite"
    path.write_bytes(Converter(keras.Model(image, x)).dense())
    return path


@pytest.fixture(scope="session")
def pyz(tmp_path_factory):
    """The runner's folder: jetson.pyz and what lies beside it."""
    folder = tmp_path_factory.mktemp("pyz")
    return pack(folder)


@pytest.fixture(scope="session")
def jetson(pyz):
    """Runs the zipapp far away from the sources."""

    def call(*words, cwd, **variables):
        environment = {**os.environ, **variables}
        environment.pop("PYTHONPATH", None)
        return subprocess.run(
            [sys.executable, pyz, *map(str, words)],
            cwd=cwd,
            env=environment,
            text=True,
            capture_output=True,
            timeout=500,
        )

    return call


# top-1 as a manifest describes it
METRICS = [
    {
        "key": "top1",
        "title": "top-1",
        "unit": "%",
        "factor": 100.0,
        "decimals": 2,
        "better": "higher",
        "is_share": True,
        "in_table": True,
    },
]
QUICK = ("--repetitions", "1", "--threads", "1", "--power-seconds", "0")


@pytest.fixture
def bundle(tflite, tmp_path):
    """A bundle made by hand: what the runner reads is a format, not our code."""
    import hashlib

    folder = tmp_path / "bundle"
    folder.mkdir()
    images = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 3), dtype="uint8")
    outputs = numbers_of(tflite)(images)
    labels = outputs.argmax(axis=1)
    labels[:3] = (labels[:3] + 1) % 3  # 27 of 30 are right
    for name in ("model.tflite", "teacher.tflite"):
        (folder / name).write_bytes(tflite.read_bytes())
    np.savez(folder / "testset.npz", images=images, labels=labels)
    files = {
        path.name: {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in sorted(folder.iterdir())
    }
    model = {
        "precision": "float32",
        "expected": {"probabilities": outputs[:4].tolist()},
        "tolerance": {"probabilities": 1e-3},
        "score": 0.9,
    }
    manifest = {
        "schema": "jetslim-bundle/3", "task": {"name": "classification"}, "metrics": METRICS, "pipeline": "toy", "made": "2026-11-21T00:00:00Z",
        "runtime": {"name": "ai-edge-litert", "version": "0.0.0"}, "labels": ["a", "b", "c"],
        "models": [{"file": "model.tflite", "role": "exported", **model}, {"file": "teacher.tflite", "role": "teacher", **model}],
        "testset": {"file": "testset.npz", "images": 30, "of": 30, "data": "toy"}, "files": files,
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder
