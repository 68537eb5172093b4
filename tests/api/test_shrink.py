"""``compress.shrink`` and its pieces: values, not only that they run."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

import compress
import compress.api  # its functions keep their names when packages of these names are imported
from compress import keras, keras3
from compress.evaluate import TFLitePredictor
from compress.tasks.single_output import only
from tests.said import numbers_of

ROOT = Path(__file__).parents[2]
SOURCE = load_digits()
X = np.repeat(np.rint(SOURCE.images * (255 / 16)).astype("uint8")[..., None], 3, -1)
Y = SOURCE.target
TRAIN, TEST = (X[:1400], Y[:1400]), (X[1400:], Y[1400:])


def network(kind, scaled=True):
    """A small network of either Keras, trained on bytes for a moment."""
    kind.utils.set_random_seed(0)
    layers = kind.layers
    chain = [layers.Rescaling(1 / 255)] if scaled else []
    model = kind.Sequential(
        [kind.Input((8, 8, 3)), *chain, layers.Conv2D(16, 3, activation="relu"), layers.Flatten(), layers.Dense(10, activation="softmax")],
        name="digits",
    )  # fmt: skip
    model.compile(kind.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    model.fit(TRAIN[0], TRAIN[1], batch_size=64, epochs=6, verbose=0)
    return model


@pytest.fixture(scope="module", params=["legacy", "keras3"])
def model(request):
    return network(keras if request.param == "legacy" else keras3)


def test_import_is_light_and_the_package_is_typed():
    code = "import sys, time; start = time.time(); import compress; assert 'shrink' in compress.__all__;"
    code += "print(time.time() - start, 'tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True, check=True)
    seconds, loaded = done.stdout.split()
    assert loaded == "False"
    assert float(seconds) < 0.3
    assert (ROOT / "compress/py.typed").is_file()


def test_a_network_in_memory_becomes_a_file_that_says_the_same(model, tmp_path, capfd, monkeypatch):
    """By what the README says."""
    monkeypatch.chdir(tmp_path)
    wanted = np.asarray(model.predict(TEST[0], verbose=0))
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    names = {"model": model, "x_train": TRAIN[0], "y_train": TRAIN[1], "x_test": TEST[0], "y_test": TEST[1]}
    exec(block, names)
    result = names["result"]
    assert "expects pixels 0..255" in capfd.readouterr().out
    loaded = result.table[result.table.stage == "loaded"].iloc[0]
    assert loaded.top1 == pytest.approx((wanted.argmax(-1) == TEST[1]).mean(), abs=1e-6)
    got = result.predict(TEST[0])
    np.testing.assert_array_equal(got, numbers_of(result.path)(TEST[0]))
    assert np.abs(got - wanted).mean() < 0.01
    assert result.evaluate(*TEST)["top1"] == pytest.approx((got.argmax(-1) == TEST[1]).mean())
    assert result.report.is_file()
    assert result.label_names == tuple("0123456789")
    assert "| loaded |" in str(result)
    again = compress.shrink(model, train=TRAIN, test=TEST, recipe="ptq")
    assert capfd.readouterr().out.count("made before") == 2
    np.testing.assert_array_equal(again.predict(TEST[0][:9]), got[:9])


def test_floats_a_dataset_of_tensorflow_and_settings(tmp_path):
    floats = TRAIN[0].astype("float32") / 255, TEST[0].astype("float32") / 255
    model = network(keras, scaled=False)
    model.fit(floats[0], TRAIN[1], epochs=6, verbose=0)
    data = keras.tf.data.Dataset.from_tensor_slices((floats[0], TRAIN[1])).batch(50)
    result = compress.shrink(
        model, train=data, test=(floats[1], TEST[1]), recipe="ptq", store=tmp_path / "store", runs=tmp_path / "runs",
        settings={"quantized.calibration_images": 50, "exported.output_type": "float32"}, classes=list("abcdefghij"),
    )  # fmt: skip
    assert result.label_names == tuple("abcdefghij")
    assert np.abs(result.predict(floats[1]) - model.predict(floats[1], verbose=0)).mean() < 0.02


def test_the_default_prunes_a_trained_network(model, tmp_path):
    result = compress.shrink(
        model, train=TRAIN, test=TEST, store=tmp_path / "store", runs=tmp_path / "runs",
        settings={"pruned.epochs": 1, "pruned.final_sparsity": 0.5, "quantized.epochs": 1},
    )  # fmt: skip
    rows = result.table.set_index("stage")
    assert list(rows.index[:4]) == ["loaded", "pruned", "quantized", "exported"]
    assert rows.loc["exported"].kernel_sparsity == pytest.approx(0.5, abs=0.03)
    assert rows.loc["exported"].top1 > 0.8


def test_the_pieces(model):
    assert compress.evaluate(model, *TEST)["top1"] == pytest.approx(
        (np.asarray(model.predict(TEST[0], verbose=0)).argmax(-1) == TEST[1]).mean(), abs=1e-6
    )
    assert compress.inspect(model).exact
    pruned = compress.prune(model, 0.5)
    kernel = pruned.get_layer(next(layer.name for layer in pruned.layers if "conv" in layer.name)).kernel.numpy()
    assert (kernel == 0).mean() == pytest.approx(0.5, abs=0.01)
    bytes_as_floats = TRAIN[0][:200].astype("float32")
    quantized = compress.quantize(model, bytes_as_floats)
    got = TFLitePredictor(compress.convert(quantized))
    assert b"TFL3" in compress.convert(quantized)[:8]
    assert got.shapes == {"probabilities": (None, 10)}
    emulated = quantized.predict(TEST[0].astype("float32"), verbose=0).argmax(-1)
    assert (emulated == TEST[1]).mean() > 0.8


ENDS = {
    "classification": ("softmax", lambda logits: np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)),
    "multi_label": ("sigmoid", lambda logits: 1 / (1 + np.exp(-logits))),
    "regression": ("linear", lambda numbers: numbers),
}


@pytest.mark.parametrize("own_end", [True, False], ids=["ends in it", "ends in logits"])
@pytest.mark.parametrize("task", ENDS)
def test_a_converted_network_says_what_it_said_and_stays_as_it_was(task, own_end):
    activation, end = ENDS[task]
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.Flatten(), keras.layers.Dense(3)]
    logits = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    given = keras.Sequential([keras.Input((8, 8, 3)), *layers[:-1], keras.layers.Dense(3, activation=activation)])
    given.layers[-1].set_weights(logits.layers[-1].get_weights())
    images = np.random.default_rng(0).random((40, 8, 8, 3), dtype=np.float32)
    wanted = end(logits(images).numpy())
    network = given if own_end else logits
    before = network(images).numpy()
    in_float = only(TFLitePredictor(compress.convert(network, task=task))(images))
    np.testing.assert_allclose(in_float, wanted, atol=1e-5)
    in_int8 = only(TFLitePredictor(compress.convert(compress.quantize(network, images, task=task), task=task))(images))
    np.testing.assert_allclose(in_int8, wanted, atol=0.05)
    targets = {"classification": np.eye(3), "multi_label": np.tri(3), "regression": np.full((3, 3), 0.5)}[task]
    compress.evaluate(network, images, targets[np.arange(40) % 3])
    compress.inspect(network)
    compress.prune(network, 0.5)
    np.testing.assert_array_equal(network(images).numpy(), before)


def test_the_end_of_a_network_that_is_for_another_task_is_refused():
    keras.utils.set_random_seed(0)
    images = np.zeros((4, 8, 8, 3), np.float32)

    def network(*last):
        return keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3), *last])

    flat = keras.layers.Flatten()
    wrong = {
        'the data need class sets .the task "multi_label".': network(flat, keras.layers.Dense(3, activation="sigmoid")),
        "gives one number per image, but classification needs at least two classes": network(
            flat, keras.layers.Dense(1)
        ),
        "needs one row of class scores per image": network(),
    }
    for words, given in wrong.items():
        with pytest.raises(compress.UserError, match=words):
            compress.convert(given)
        with pytest.raises(compress.UserError, match=words):
            compress.quantize(given, images)
    with pytest.raises(compress.UserError, match="unknown task 'classes'"):
        compress.convert(network(flat), task="classes")


def test_a_student_learns_from_a_network_in_memory(model, tmp_path):
    student = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(10)]
    )
    result = compress.distill(
        model, student, train=TRAIN, test=TEST, store=tmp_path / "store", runs=tmp_path / "runs", settings={"student.epochs": 8, "student.learning_rate": 1e-2}
    )  # fmt: skip
    assert list(result.table.stage[:3]) == ["teacher", "student", "exported"]
    assert result.evaluate(*TEST)["top1"] > 0.6


WRONG = {
    "no data": (lambda m: compress.shrink(m), "give train=.x, y."),
    "both": (lambda m: compress.shrink(m, train=TRAIN, data="digits"), "give only one"),
    "no network": (lambda m: compress.shrink(3, train=TRAIN), "expected a Keras network, got a int"),
    "no name": (lambda m: compress.shrink("mobilenetv9", train=TRAIN), "unknown network 'mobilenetv9'"),
    "other shape": (lambda m: compress.shrink(m, train=(X[:, :6], Y)), "reads 8x8x3, but the data are 6x8x3"),
    "lengths": (lambda m: compress.shrink(m, train=(X, Y[:9])), "x_train has 1797"),
    "a recipe": (lambda m: compress.shrink(m, train=TRAIN, recipe="ptk"), "unknown pipeline or network 'ptk'"),
    "a field": (lambda m: compress.shrink(m, train=TRAIN, settings={"pruned.sparsity": 0.5}), "unknown key 'sparsity'"),
    "sparsity": (lambda m: compress.prune(m, 1.0), "sparsity = 1.0 must be at least 0"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_told_in_one_line_and_nothing_is_made(what, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call, words = WRONG[what]
    with pytest.raises(compress.UserError, match=words) as error:
        call(model)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "runs").exists()


def test_tensorflow_may_be_there_first(tmp_path):
    """As in a notebook, which imports TensorFlow, and Keras 3 with it, before anything else."""
    code = f"""
import tensorflow as tf
import numpy as np
model = tf.keras.Sequential([tf.keras.Input((4, 4, 1)), tf.keras.layers.Rescaling(1 / 255), tf.keras.layers.Flatten(),
                             tf.keras.layers.Dense(2)])
x = np.repeat(np.arange(120, dtype="uint8") % 2 * 200, 16).reshape(120, 4, 4, 1)
model.layers[-1].set_weights([np.tile([[-1.0, 1.0]], (16, 1)), np.array([4.0, -4.0])])
import compress
result = compress.shrink(model, train=(x, np.arange(120) % 2), recipe="ptq", store={str(tmp_path / "s")!r}, runs={str(tmp_path / "r")!r})
assert result.evaluate(x, np.arange(120) % 2)["top1"] == 1.0
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, timeout=200)


def test_the_command_does_the_same(model, main, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "data.npz", x_train=TRAIN[0], y_train=TRAIN[1], x_test=TEST[0], y_test=TEST[1])
    model.save(tmp_path / "net.keras")
    code, output, errors = main("shrink", "net.keras", "--data", "data.npz", "--recipe", "ptq")
    assert code == 0, errors
    assert "exported: runs/ptq/3-exported/model.tflite" in output
