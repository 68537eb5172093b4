"""Networks that read no images, from a file of arrays to a bundle: vectors, sequences, grey and wide pictures."""

import json

import numpy as np
import pytest

from compress import keras
from jetson.worker import accuracy
from tests.said import numbers_of, said_by_card

layers = keras.layers
CLASSES = 3

TOML = """
[data]
name = "arrays"
path = "my data.npz"

[[stage]]
name = "trained"
kind = "train"
saved_model = "{network}"
epochs = 8
batch_size = 16
learning_rate = 0.01

[[stage]]
name = "pruned"
kind = "prune"
final_sparsity = 0.5
epochs = 2

[[stage]]
name = "quantized"
kind = "quantize"
mode = "static"

[[stage]]
name = "exported"
kind = "export"
"""


def examples(shape, count, seed):
    """Noise around a pattern of each class, in another unit than [0, 1]; float64, as numpy has it."""
    patterns = np.random.default_rng(9).normal(size=(CLASSES, *shape))
    labels = np.arange(count) % CLASSES
    return 40 * patterns[labels] + 20 * np.random.default_rng(seed).normal(size=(count, *shape)) - 15, labels


def perceptron():
    x = keras.Input((12,))
    y = layers.Dense(16, activation="relu")(layers.Rescaling(0.02)(x))
    return keras.Model(x, layers.Dense(CLASSES, activation="softmax")(layers.Dense(16, activation="relu")(y)))


def sequence():
    x = keras.Input((16, 4))
    y = layers.Conv1D(8, 3, activation="relu", padding="same")(layers.Rescaling(0.02)(x))
    y = layers.Conv1D(16, 3, activation="relu")(layers.MaxPooling1D(2)(y))
    return keras.Model(x, layers.Dense(CLASSES)(layers.GlobalAveragePooling1D()(y)))


def spectrogram():
    x = keras.Input((20, 9, 2))
    y = layers.Conv2D(8, 3, activation="relu", padding="same")(layers.Rescaling(0.02)(x))
    return keras.Model(x, layers.Dense(CLASSES)(layers.GlobalMaxPooling2D()(y)))


@pytest.mark.parametrize(("network", "file"), [(perceptron, "net.keras"), (sequence, "net"), (spectrogram, "net.h5")])
def test_from_arrays_to_a_bundle(network, file, main, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keras.utils.set_random_seed(0)
    model = network()
    model.save(file)
    shape = model.input_shape[1:]
    (x, y), (x_test, y_test) = examples(shape, 240, 1), examples(shape, 60, 2)
    np.savez("my data.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    (tmp_path / "net.toml").write_text(TOML.format(network=file))
    code, output, errors = main("run", "net.toml")
    assert code == 0, output + errors

    exported = tmp_path / "runs" / "net" / "4-exported"
    told = json.loads((exported / "model.json").read_text())
    assert told["input"]["shape"] == [1, *shape]
    assert "range" not in told["input"]
    assert told["preprocessing"] == {"divide_by": 1}
    run = json.loads((tmp_path / "runs" / "net" / "run.json").read_text())
    assert (run["data"]["shape"], run["data"]["test"]) == (list(shape), 60)
    trained, pruned, quantized, last = run["stages"]
    assert trained["metrics"]["top1"] >= 0.95 and last["metrics"]["top1"] >= 0.95
    assert abs(last["metrics"]["top1"] - pruned["metrics"]["top1"]) <= 0.05
    assert pruned["kernel_sparsity"] == (pytest.approx(0.5, abs=0.05) if network is not perceptron else 0)
    assert last["precision"] == quantized["precision"] == "int8"

    # the file itself, by a loop of our own
    answers = np.array([numbers_of(exported / "model.tflite")(one[None].astype("float32"))[0] for one in x_test])
    assert np.mean(answers.argmax(-1) == y_test) == last["metrics"]["top1"]

    said = said_by_card(exported, x_test[0], tmp_path / "card")
    assert said.strip() == (exported / "labels.txt").read_text().splitlines()[answers[0].argmax()]

    code, output, errors = main("evaluate", exported / "model.tflite", "--data", "my data.npz")
    assert code == 0, errors
    assert f"{last['metrics']['top1']:.2%}" in output

    code, output, errors = main("bundle", "net.toml")
    assert code == 0, errors
    bundle = tmp_path / "runs" / "net" / "jetson-bundle"
    with np.load(bundle / "testset.npz", allow_pickle=False) as arrays:
        assert arrays["images"].dtype == np.float32
        assert sorted(arrays["images"].tolist()) == sorted(x_test.astype("float32").tolist())
    manifest = json.loads((bundle / "manifest.json").read_text())
    (model,) = [one for one in manifest["models"] if one["role"] == "exported"]
    on_board = accuracy(
        str(bundle / "model.tflite"),
        None,
        None,
        str(bundle / "testset.npz"),
        None,
        manifest["task"],
        model["expected"],
        model["tolerance"],
    )
    assert on_board["metrics"]["top1"] == last["metrics"]["top1"]
    assert on_board["expected"]["within_tolerance"] == 1
