"""jetslim new: a commented file for the user's data and network, which `jetslim check` accepts."""

import importlib
import io
import sys
import tomllib

import pytest


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A network of Keras 3 for the colours that divides bytes by 255 itself and is right: the brightest channel."""
    import keras
    import numpy as np

    image = keras.Input((16, 16, 3))
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(3, 1, name="mix")(x))
    model = keras.Model(image, keras.layers.Dense(3, activation="softmax", name="head")(x))
    model.get_layer("mix").set_weights([np.eye(3)[None, None], np.zeros(3)])
    model.get_layer("head").set_weights([20 * np.eye(3)[:, [2, 1, 0]], np.full(3, 0.01)])  # blue, green, red
    path = tmp_path_factory.mktemp("networks") / "net.keras"
    model.save(path)
    return path


def test_a_folder_and_a_network_by_name(main, here, colours):
    code, output, errors = main("new", "my.toml", "--data", colours, "--network", "resnet8", "--teacher", "resnet20",
                                "--narrow", "0.5")  # fmt: skip
    assert (code, errors) == (0, "")
    assert "folder, 96 training, 24 validation and 60 test images; classification of 3: blue, green, red" in output
    text = (here / "my.toml").read_text()
    assert "# The smallest weights become zeros" in text and "the files have 16x16 (the median)" in text
    written = tomllib.loads(text)
    assert written["data"] == {"name": "folder", "path": str(colours), "size": 32}
    shown = [(stage["name"], stage.get("model"), stage.get("latency")) for stage in written["stage"]]
    assert shown == [
        ("teacher", "resnet20", None),
        ("trained", "resnet8", None),
        ("narrowed", None, 0.5),
        ("pruned", None, None),
        ("quantized", None, None),
        ("exported", None, None),
    ]
    assert main("check", "my.toml")[0] == 0


def test_a_trained_network_of_the_users_own(main, here, colours, network):
    code, output, errors = main("new", "--data", colours, "--network", network)
    assert code == 0, errors
    assert "expects pixels 0..255: its first layers are rescaling" in output
    assert "net.keras reads 16x16x3 and gives 3, behind a softmax; it was trained" in output
    text = (here / "net.toml").read_text()
    assert "# " + next(line for line in output.splitlines() if "expects pixels" in line) in text
    assert "# latency = 0.5" in text  # channels stay, until the # is taken away
    written = tomllib.loads(text)
    assert "size" not in written["data"]  # as the network reads it
    assert [stage["kind"] for stage in written["stage"]] == ["load", "prune", "quantize", "export"]
    assert written["stage"][0]["saved_model"] == str(network)
    code, output, _ = main("check", "net.toml")
    assert code == 0
    assert "images have 16x16 pixels" in output


def test_a_network_that_was_never_trained_is_trained_first(main, here, colours):
    from compress import models

    models.build("resnet8", 16, 3, seed=0).save(here / "fresh.h5")
    code, _, errors = main("new", "--data", colours, "--network", "fresh.h5")
    assert code == 0, errors
    assert tomllib.loads((here / "fresh.toml").read_text())["stage"][0]["kind"] == "train"


def test_what_is_missing_is_asked_for(main, here, colours, monkeypatch):
    monkeypatch.setattr(importlib.import_module("compress.cli.new"), "can_ask", lambda: True)
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{colours}\nresnet8\n\ny\n0.4\n"))
    code, output, errors = main("new")
    assert code == 0, errors
    assert "Your data (a folder of images" in output and "Your network" in output
    written = tomllib.loads((here / "resnet8.toml").read_text())
    assert [stage.get("latency") for stage in written["stage"]] == [None, 0.4, None, None, None]


WRONG = {
    "nobody to ask": (
        ["--network", "resnet8"],
        "give --data: nobody can be asked, because standard input is not a terminal",
    ),
    "neither": ([], "give --data and --network"),
    "an unknown network": (["--data", "digits", "--network", "resnet9"], "unknown network 'resnet9'"),
    "unknown data": (["--data", "digit", "--network", "resnet8"], "did you mean digits"),
    "not TOML": (["my.yaml", "--data", "digits", "--network", "resnet8"], "does not end in .toml"),
    "a name for a trained one": (
        ["--data", "digits", "--network", "resnet8", "--trained"],
        "needs a path, and cannot have a teacher",
    ),
    "too small": (["--data", "digits", "--network", "vgg16", "--size", "2"], "2"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_written_is_told_in_a_line_and_nothing_is_left(main, here, what):
    arguments, words = WRONG[what]
    code, output, errors = main("new", *arguments)
    assert (code, output) == (2, "")
    assert words in errors.splitlines()[-1]
    assert list(here.iterdir()) == []


def test_a_file_is_never_written_over(main, here):
    (here / "resnet8.toml").write_text("mine")
    code, _, errors = main("new", "--data", "digits", "--network", "resnet8")
    assert code == 2
    assert "resnet8.toml already exists and is not overwritten" in errors
    assert (here / "resnet8.toml").read_text() == "mine"
