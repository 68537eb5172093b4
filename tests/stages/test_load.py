"""A trained network is taken as it is: its first row is what its owner measured, and everything can start from it."""

import json

import numpy as np
import pytest

from compress import artifacts, keras
from compress.datasets import DATASETS
from compress.evaluate import TFLitePredictor, outputs
from compress.pixels import PIXELS

layers = keras.layers


@pytest.fixture(scope="module")
def digits():
    return DATASETS["digits"](size=16).load()


def trained(digits, pixels, chain, path):
    """A small network, trained in seconds on ``pixels`` with ``chain`` at its beginning; saved, with its own top-1."""
    keras.utils.set_random_seed(0)
    image = keras.Input((16, 16, 3))
    inner = keras.Input((16, 16, 3))
    x = layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False)(chain(inner))
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.8)(x))
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.8)(layers.Conv2D(24, 3, strides=2)(x)))
    base = keras.Model(inner, x, name="base")
    x = layers.GlobalAveragePooling2D()(base(image))
    model = keras.Model(image, layers.Dense(10, activation="softmax")(x), name="theirs")
    model.compile(keras.optimizers.legacy.Adam(1e-2), "sparse_categorical_crossentropy")
    train = digits.train
    model.fit(pixels.of(train.read(np.arange(len(train)))), train.targets.labels, batch_size=32, epochs=8, verbose=0)
    model.save(path)
    test = digits.test
    return model(pixels.of(test.read(np.arange(len(test)))), training=False).numpy()


def to_one(image):
    return layers.Rescaling(1 / 127.5, -1)(image)


def imagenet(image):
    return layers.Normalization(mean=[0.485, 0.456, 0.406], variance=[0.052, 0.05, 0.05])(
        layers.Rescaling(1 / 255)(image)
    )


@pytest.mark.parametrize(("pixels", "chain"), [
    ("0..255", to_one), ("0..255", imagenet), ("0..1", lambda image: image), ("-1..1", lambda image: image),
])  # fmt: skip
def test_a_loaded_network_says_what_it_said(pixels, chain, digits, main, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = trained(digits, PIXELS[pixels], chain, tmp_path / "net.keras")
    assert (said.argmax(-1) == digits.test.targets.labels).mean() > 0.7
    code, output, errors = main("run", "ptq", "--set", "loaded.saved_model=net.keras")
    assert code == 0, errors
    assert f"net.keras expects pixels {pixels}" in output
    assert "images have 16x16 pixels, as net.keras reads them" in output
    stages = {stage["name"]: stage for stage in json.loads((tmp_path / "runs/ptq/run.json").read_text())["stages"]}
    assert stages["loaded"]["kind"] == "load"
    assert stages["loaded"]["metrics"]["top1"] == pytest.approx(
        (said.argmax(-1) == digits.test.targets.labels).mean(), abs=1e-9
    )
    network = artifacts.load(tmp_path / "runs/ptq/1-loaded/saved_model")
    images = digits.test.read(np.arange(len(digits.test)))
    got = keras.tf.nn.softmax(network((images / 255).astype("float32"), training=False)).numpy()
    np.testing.assert_allclose(got, said, atol=1e-4)
    file = outputs(TFLitePredictor(tmp_path / "runs/ptq/3-exported/model.tflite"), digits.test)["probabilities"]
    assert np.abs(file - said).mean() < 0.02
    assert (file.argmax(-1) == said.argmax(-1)).mean() > 0.95


def test_what_cannot_be_told_is_asked_for_and_what_knows_nothing_is_refused(digits, main, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trained(digits, PIXELS["0..255"], to_one, tmp_path / "net.keras")
    # the order of the classes of classes: as wrong as can be
    model = keras.models.load_model(tmp_path / "net.keras", compile=False)
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([np.roll(kernel, 1, axis=1), np.roll(bias, 1)])
    model.save(tmp_path / "rolled.keras")
    for command in (("run", "ptq"), ("check", "ptq")):
        code, _, errors = main(*command, "--set", "loaded.saved_model=rolled.keras")
        assert code == 2
        assert "no better than chance" in errors
        assert "the order of the classes" in errors
        assert errors.count("\n") == 1
    assert not (tmp_path / "runs").exists()
    code, output, errors = main("check", "ptq", "--set", "loaded.saved_model=rolled.keras", "--force")
    assert code == 0, errors


def test_a_load_stage_needs_a_trained_network(main, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, _, errors = main("run", "ptq")
    assert "[[stage]] 'loaded': load needs a trained network: --set loaded.saved_model=net.keras" in errors
    _, _, errors = main("run", "densenet121", "--trained")
    assert "--trained needs" in errors
    _, _, errors = main("run", "ptq", "--set", 'loaded.model="resnet8"')
    assert "as weights = PATH" in errors
