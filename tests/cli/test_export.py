"""``jetslim export``: files of a network outside a pipeline."""

import numpy as np
import pytest

from compress import keras
from compress.evaluate import TFLitePredictor
from compress.export import onnx

IMAGES = np.random.default_rng(0).random((4, 16, 16, 3), np.float32)


def network(*more, size=16):
    image = keras.Input((size, size, 3))
    x = keras.layers.Conv2D(8, 3, activation="relu")(image)
    for layer in more:
        x = layer(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, keras.layers.Dense(3, activation="softmax", name="said")(x))


def test_both_files_say_what_the_network_says(jetslim, tmp_path):
    model = network()
    model.save(tmp_path / "own.keras")
    done = jetslim("export", "own.keras", "--tflite", "--onnx", "--out", "files", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2
    wanted = model(IMAGES).numpy()
    for said in (
        onnx.OnnxPredictor(tmp_path / "files" / "model.onnx")(IMAGES)["said"],
        TFLitePredictor(tmp_path / "files" / "model.tflite", expected=[["said"]])(IMAGES)["said"],
    ):
        np.testing.assert_allclose(said, wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("more", "words", "options"),
    [
        ((), "nothing to write", []),
        ((keras.layers.GroupNormalization(4, name="of_groups"),), "'of_groups' (GroupNormalization)", ["--onnx"]),
        ((), "give the size of the images as --size", ["--onnx"]),
    ],
    ids=["nothing", "no nodes", "open"],
)
def test_what_cannot_be_is_one_line_and_leaves_nothing(jetslim, tmp_path, more, words, options):
    network(*more, size=None if "size" in words else 16).save(tmp_path / "own.keras")
    done = jetslim("export", "own.keras", *options, cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "exported").exists()
