"""evaluate and predict on .tflite files of other makers: what their own loop around the interpreter would say."""

import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from compress import keras
from compress.datasets.digits import Digits
from compress.datasets.images import decode
from tests.said import numbers_of

tf = keras.tf
layers = keras.layers
SIDE = 16
IMAGES = Digits(size=SIDE).load()
TRAIN, TEST = (split.read(np.arange(len(split))) for split in (IMAGES.train, IMAGES.test))


def network(read, channels=3):
    """A small network, trained for a moment on ``read(bytes)``: about nine of ten digits right."""
    keras.utils.set_random_seed(0)
    image = keras.Input((SIDE, SIDE, channels))
    x = layers.Conv2D(12, 3, strides=2, activation="relu")(image)
    x = layers.Conv2D(16, 3, strides=2, activation="relu")(x)
    model = keras.Model(image, layers.Dense(10, activation="softmax")(layers.Flatten()(x)))
    model.compile(keras.optimizers.legacy.Adam(4e-3), "sparse_categorical_crossentropy")
    model.fit(read(TRAIN[..., :channels]), IMAGES.train.targets.labels, batch_size=32, epochs=3, verbose=0)
    return model


def unit(images):
    return images.astype("float32") / 255


def signed(images):
    return images.astype("float32") / 127.5 - 1


def raw(images):
    return images.astype("float32")


def centred(images):
    return (images.astype("float32") - 100) / 50


def converted(model, read=None, kind=None, ends=None, **options):
    """``read``, ``kind``, ``ends``: for full int8, calibrated on some images, with such inputs and outputs."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if read is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([read(TRAIN[k : k + 1])] for k in range(60))
        converter.target_spec.supported_ops = [kind or tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type, converter.inference_output_type = ends
    for name, value in options.items():
        setattr(converter, name, value)
    return converter.convert()


def of_function(model, function, *specs):
    """With a signature, which has the names of inputs and outputs."""
    module = tf.Module()
    module.model = model
    module.call = tf.function(function).get_concrete_function(*(tf.TensorSpec(shape, kind) for shape, kind in specs))
    with TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, {"serving_default": module.call})
        return tf.lite.TFLiteConverter.from_saved_model(folder).convert()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Folder of files as other people make them; ``READ`` says what each is fed for bytes."""
    folder = tmp_path_factory.mktemp("foreign files")
    of_unit, of_signed, of_raw = network(unit), network(signed), network(lambda images: raw(images) / 64)
    image = keras.Input((SIDE, SIDE, 3))
    of_bytes = keras.Model(image, of_raw(layers.Rescaling(1 / 64)(image)))
    int16 = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
    still = [1, SIDE, SIDE, 3]
    contents = {
        "float of 0..1": converted(of_unit),
        "float of 0..255": converted(of_bytes),
        "float of -1..1": converted(of_signed),
        "uint8 both ends": converted(of_unit, unit, ends=(tf.uint8, tf.uint8)),
        "int8 both ends": converted(of_unit, unit, ends=(tf.int8, tf.int8)),
        "uint8 of a step of 1": converted(of_bytes, raw, ends=(tf.uint8, tf.float32)),
        "int8 of a step of 1": converted(of_bytes, raw, ends=(tf.int8, tf.float32)),
        "uint8 of -1..1": converted(of_signed, signed, ends=(tf.uint8, tf.uint8)),
        "int8 of -1..1": converted(of_signed, signed, ends=(tf.int8, tf.float32)),
        "int16 of 0..1": converted(of_unit, unit, kind=int16, ends=(tf.int16, tf.int16)),
        "int16 of 0..255": converted(of_bytes, raw, kind=int16, ends=(tf.int16, tf.float32)),
        "bytes cast inside": of_function(of_unit, lambda x: of_unit(tf.cast(x, tf.float32) / 255), (still, tf.uint8)),
        "any batch and size": of_function(
            of_unit, lambda x: of_unit(tf.image.resize(x, (SIDE, SIDE))), ([None, None, None, 3], tf.float32)
        ),
        "logits": of_function(of_unit, lambda x: tf.math.log(of_unit(x) + 1e-6), (still, tf.float32)),
        "two outputs": of_function(
            of_unit, lambda x: {"classes": of_unit(x), "largest": tf.reduce_max(of_unit(x), -1)}, (still, tf.float32)
        ),
        "two of ten": of_function(
            of_unit, lambda x: {"digit": of_unit(x), "other": 1 - of_unit(x)}, (still, tf.float32)
        ),
        "channels first": of_function(
            of_unit, lambda x: of_unit(tf.transpose(x, (0, 2, 3, 1))), ([1, 3, SIDE, SIDE], tf.float32)
        ),
        "no channels": of_function(
            of_unit, lambda x: of_unit(tf.repeat(x[..., None], 3, -1)), ([1, SIDE, SIDE], tf.float32)
        ),
        "two at once": of_function(of_unit, of_unit, ([2, SIDE, SIDE, 3], tf.float32)),
        "two inputs": of_function(
            of_unit, lambda a, b: of_unit(a) + of_unit(b), (still, tf.float32), (still, tf.float32)
        ),
        "another shape": of_function(of_unit, lambda x: tf.reshape(of_unit(x), [1, 5, 2]), (still, tf.float32)),
        "one number": of_function(of_unit, lambda x: tf.sigmoid(of_unit(x)[:, :1]), (still, tf.float32)),
        "sigmoids": of_function(of_unit, lambda x: tf.sigmoid(9 * of_unit(x) - 5), (still, tf.float32)),
        "signal": of_function(of_unit, lambda x: tf.nn.softmax(x[:, :10, 0]), ([1, 500, 2], tf.float32)),
        "of other numbers": converted(network(centred), centred, ends=(tf.int8, tf.float32)),
        "a pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
        "nothing": b"",
        "text": b"this is no model",
        "half": converted(of_unit)[:3000],
    }
    of_bytes.save(folder / "bytes.h5")
    of_bytes.save(folder / "bytes")
    of_unit.save(folder / "unit.h5")
    any_size = keras.Input((None, None, 3))
    keras.Model(any_size, of_bytes(layers.Resizing(SIDE, SIDE)(any_size))).save(folder / "any size.h5")
    for name, content in contents.items():
        (folder / f"{name}.tflite").write_bytes(content)
    return folder


READ = {
    "float of 0..1": unit, "float of 0..255": raw, "float of -1..1": signed, "uint8 both ends": unit,
    "int8 both ends": unit, "uint8 of a step of 1": raw, "int8 of a step of 1": raw, "uint8 of -1..1": signed,
    "int8 of -1..1": signed, "int16 of 0..1": unit, "int16 of 0..255": raw, "bytes cast inside": raw,
    "any batch and size": unit, "logits": unit, "two outputs": unit, "channels first": unit, "no channels": unit,
    "two at once": unit, "sigmoids": unit,
}  # fmt: skip

PIXELS_OF = {"float of -1..1": "-1..1", "sigmoids": "0..1"}  # their answers do not tell


def loop(path, read, images, output=None):
    """What the maker of the file would write: the numbers of each image, as they stand for."""
    interpreter = Interpreter(str(path))
    reads = interpreter.get_input_details()[0]
    values = read(images)
    if "channels first" in path.name:
        values = values.transpose(0, 3, 1, 2)
    if "no channels" in path.name:
        values = values[..., 0]
    if "any" in path.name:
        interpreter.resize_tensor_input(reads["index"], (1, *values.shape[1:]))
    interpreter.allocate_tensors()
    outputs = interpreter.get_output_details()
    (says,) = (
        [detail for detail in outputs if int(np.prod(detail["shape"][1:])) == 10][:1]
        if output is None
        else [detail for detail in outputs if detail["index"] == output]
    )
    rows = []
    for value in values:
        scale, zero = reads["quantization"]
        if scale:
            limits = np.iinfo(reads["dtype"])
            value = np.clip(np.round(value / scale) + zero, limits.min, limits.max)
        value = np.repeat(value.astype(reads["dtype"])[None], reads["shape"][0], 0)
        interpreter.set_tensor(reads["index"], value)
        interpreter.invoke()
        row = interpreter.get_tensor(says["index"])[0].astype("float32")
        scale, zero = says["quantization"]
        rows.append((row - zero) * scale if scale else row)
    return np.stack(rows)


def right(output):
    found = re.fullmatch(r"top-1 [\d.]+% \((\d+) of 359 test images of digits\)", output.strip())
    assert found, output
    return int(found.group(1))


@pytest.mark.parametrize("name", READ)
def test_evaluate_is_what_the_makers_own_loop_says(main, files, name):
    path = files / f"{name}.tflite"
    size = ("--size", SIDE) if "any" in name else ()
    asked = ("--pixels", PIXELS_OF[name]) if name in PIXELS_OF else ()
    code, output, errors = main("evaluate", path, *size, *asked)
    assert code == 0, errors
    wanted = loop(path, READ[name], TEST)
    hits = int(np.sum(wanted.argmax(-1) == IMAGES.test.targets.labels))
    assert hits > 0.8 * 359
    assert right(output) == hits


@pytest.mark.parametrize("name", READ)
def test_the_runner_on_the_board_says_the_same(files, name):
    """It cannot try pixels: what a float file is fed is its user's word."""
    from jetson.interpreter import Model
    from jetson.pixels import PIXELS
    from jetson.predictor import Predictor

    path = files / f"{name}.tflite"
    told = {"float of 0..255": "0..255", "float of -1..1": "-1..1"}.get(name)
    model = Model(path.read_bytes(), 1, size=[SIDE] if "any" in name else None)
    predictor = Predictor(model, PIXELS[told] if told else None, width=10)
    examples = TEST[:40, ..., :1] if name == "no channels" else TEST[:40]
    got = np.array([next(iter(predictor.predict(example).values())) for example in examples])
    np.testing.assert_allclose(got, loop(path, READ[name], TEST[:40]), atol=1e-6)


@pytest.mark.parametrize("name", ["float of 0..1", "float of 0..255", "int16 of 0..1"])
def test_what_was_tried_is_said_in_one_line(main, files, name):
    told = main("evaluate", files / f"{name}.tflite")[2].strip()
    assert re.fullmatch(rf"\S.*{name}.tflite expects pixels {name.split(' of ')[1]}: with them it gets .*", told), told


@pytest.mark.parametrize("name", ["uint8 both ends", "int8 of a step of 1", "uint8 of -1..1", "bytes cast inside"])
def test_a_grid_needs_no_word(main, files, name):
    assert main("evaluate", files / f"{name}.tflite")[2] == ""


@pytest.mark.parametrize(("arguments", "read"), [
    (("float of 0..1", "--pixels", "0..255"), raw),
    (("uint8 both ends", "--pixels", "-1..1"), signed),
    (("float of -1..1", "--pixels", f"{1 / 127.5},-1"), signed),
    (("of other numbers", "--pixels", "0.02,-2"), centred),
])  # fmt: skip
def test_pixels_override(main, files, arguments, read):
    path = files / f"{arguments[0]}.tflite"
    code, output, errors = main("evaluate", path, *arguments[1:])
    assert code == 0, errors
    assert right(output) == np.sum(loop(path, read, TEST).argmax(-1) == IMAGES.test.targets.labels)


def test_how_images_were_blurred_is_said(main, files):
    arguments = ("evaluate", files / "float of 0..1.tflite", "--pixels", "0..1", "--blur")
    assert json.loads(main(*arguments, "0.125", "--json")[1])["blur"] == 0.125
    assert json.loads(main(*arguments[:-1], "--json")[1])["blur"] == 0
    assert "blurred by 0.4% of their width" in main(*arguments, "0.004")[1]
    code, _, errors = main(*arguments, "nan")
    assert code == 2 and "nan is not a number" in errors


def test_an_output_is_chosen_by_name(main, files):
    path = files / "two of ten.tflite"
    code, output, errors = main("evaluate", path, "--output", "digit", "--pixels", "0..1")
    assert code == 0, errors
    assert right(output) > 0.8 * 359
    assert right(main("evaluate", path, "--output", "other", "--pixels", "0..1")[1]) < 0.2 * 359


@pytest.mark.parametrize(("arguments", "words"), [
    (("a pointer",), "is a pointer of Git LFS, not the model itself"),
    (("nothing",), "is empty"),
    (("text",), "is not a .tflite file"),
    (("half",), "LiteRT cannot run"),
    (("two inputs",), "has 2 inputs (a, b)"),
    (("another shape",), "gives outputs of shape (5, 2), but classification needs"),
    (("one number",), "gives one number per image, but classification needs"),
    (("sigmoids",), "the pixel range that it expects cannot be found"),
    (("two of ten",), "has 2 outputs (digit [1, 10], other [1, 10]): choose one with --output"),
    (("two of ten", "--output", "digits"), "unknown output 'digits'; did you mean digit?"),
    (("signal",), "reads 500x2, which are not images with 1 or 3 channels: give it arrays (--data FILE.npz)"),
    (("of other numbers",), "reads int8 from -2 to 3.1: the pixel range that it expects cannot be found; give it as --pixels: one of 0..1, "),
    (("float of 0..1", "--pixels", "0..2555"), "unknown pixels '0..2555'; did you mean 0..255"),
    (("float of 0..1", "--size", "24"), "reads images of 16x16, but --size is 24x24"),
    (("no channels", "--pixels", "imagenet-bgr"), "reads 1 channel, but pixels imagenet-bgr are for another number of channels"),
])  # fmt: skip
def test_what_cannot_be_evaluated_is_refused_in_one_line(main, files, arguments, words):
    code, output, errors = main("evaluate", files / f"{arguments[0]}.tflite", *arguments[1:])
    assert code == 2
    assert output == ""
    assert errors.startswith("Error: ") and errors.count("\n") == 1, errors
    assert words in errors


def test_a_folder_of_images_does_not_say_a_size(main, files, colours):
    code, _, errors = main("evaluate", files / "any batch and size.tflite", "--data", colours)
    assert code == 2
    assert "accepts images of any size (?x?x3): give one, such as --size 224" in errors


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "my photos" / "a digit.png"
    path.parent.mkdir()
    Image.fromarray(TEST[0]).save(path)
    return path


def printed(line):
    return {name: float(share) / 100 for name, share in re.findall(r"(\S+) \(([\d.]+)%\)", line)}


@pytest.mark.parametrize("name", ["uint8 both ends", "logits", "two outputs", "sigmoids", "channels first"])
def test_predict_prints_the_probabilities(main, files, photo, name):
    path = files / f"{name}.tflite"
    pixels = () if name == "uint8 both ends" else ("--pixels", "0..1")
    code, output, errors = main("predict", path, photo.parent, "--top", "3", *pixels)
    assert code == 0, errors
    assert output.startswith(f"{photo}: ")
    (row,) = loop(path, READ[name], TEST[:1])
    if name == "logits":
        row = np.exp(row) / np.exp(row).sum()
    if name == "uint8 both ends":  # on a grid of 1/256 they sum to a little less than 1
        row = row / row.sum()
    found = printed(output.removeprefix(f"{photo}: "))
    assert list(found) == [str(digit) for digit in np.argsort(-row, kind="stable")[:3]]
    assert list(found.values()) == pytest.approx(sorted(row, reverse=True)[:3], abs=6e-4)
    assert output.count("none of the classes") == (name == "sigmoids" and row.max() < 0.5)


def test_predict_reads_arrays(main, files, tmp_path):
    signals = np.random.default_rng(0).normal(0, 1, (2, 500, 2)).astype("float32")
    np.save(tmp_path / "two signals.npy", signals)
    np.save(tmp_path / "one.npy", signals[1])
    code, output, errors = main("predict", files / "signal.tflite", tmp_path / "two signals.npy", tmp_path / "one.npy")
    assert code == 0, errors
    names = [line.rpartition(": ")[0] for line in output.splitlines()]
    assert names == [f"{tmp_path}/two signals.npy[0]", f"{tmp_path}/two signals.npy[1]", f"{tmp_path}/one.npy"]
    logits = signals[:, :10, 0]
    wanted = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    for line, row in zip(output.splitlines(), wanted[[0, 1, 1]], strict=True):
        assert printed(line.rpartition(": ")[2]) == {str(row.argmax()): pytest.approx(row.max(), abs=6e-4)}
    np.save(tmp_path / "wrong.npy", signals[0, 0])
    code, _, errors = main("predict", files / "signal.tflite", tmp_path / "wrong.npy")
    assert code == 2
    assert "contains float32 (2,), " in errors and "reads examples of 500x2" in errors


def test_evaluate_on_arrays(main, files, tmp_path):
    """Floats go in as they are."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(0, 1, (60, 500, 2)).astype("float32"), np.arange(60) % 10
    x[np.arange(60), y, 0] += 2
    np.savez(tmp_path / "signals.npz", x_train=x[:40], y_train=y[:40], x_test=x[40:], y_test=y[40:])
    code, output, errors = main("evaluate", files / "signal.tflite", "--data", tmp_path / "signals.npz")
    assert code == 0, errors
    assert f"({np.sum(x[40:, :10, 0].argmax(-1) == y[40:])} of 20 test " in output
    code, _, errors = main("evaluate", files / "float of 0..1.tflite", "--data", tmp_path / "signals.npz")
    assert code == 2
    assert "reads 16x16x3, but the data are 500x2" in errors


@pytest.mark.parametrize("name", ["bytes.h5", "bytes", "unit.h5", "any size.h5"])
def test_keras_networks_of_users(main, files, name):
    size = ("--size", SIDE) if "any" in name else ()
    code, output, errors = main("evaluate", files / name, *size)
    assert code == 0, errors
    model = keras.models.load_model(str(files / name), compile=False)
    wanted = model.predict((unit if "unit" in name else raw)(TEST), verbose=0)
    assert right(output) == np.sum(wanted.argmax(-1) == IMAGES.test.targets.labels) > 0.8 * 359


def test_predict_asks_for_the_pixels_of_a_float_file(main, files, photo):
    code, _, errors = main("predict", files / "float of 0..1.tflite", photo)
    assert code == 2
    assert "cannot be found without images whose classes are known; give it as --pixels" in errors


def test_numbered_labels_beside_the_file(main, files, photo, tmp_path):
    (tmp_path / "model.tflite").write_bytes((files / "uint8 both ends.tflite").read_bytes())
    names = [f"the {word}" for word in ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")]
    (tmp_path / "labels.txt").write_text("".join(f"{number} {name}\n" for number, name in enumerate(names)))
    _, output, _ = main("predict", tmp_path / "model.tflite", photo)
    digit = int(loop(tmp_path / "model.tflite", unit, decode(photo, SIDE)[None]).argmax())
    assert output.startswith(f"{photo}: {names[digit]} (")


def test_a_network_that_keeps_state_starts_anew_with_every_image(tmp_path):
    """An LSTM over the rows, whose state is in variable tensors: after another image, the same numbers."""
    keras.utils.set_random_seed(0)
    rows = keras.Input((SIDE, SIDE), batch_size=1)
    x = layers.LSTM(6)(rows)
    path = Path(tmp_path) / "lstm.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(keras.Model(rows, layers.Dense(10)(x))).convert())
    predict = numbers_of(path)
    images = TEST[:3, ..., :1]
    wanted = np.concatenate([keras_rows(path, image) for image in images])
    np.testing.assert_allclose(predict(images), wanted, atol=1e-6)
    np.testing.assert_array_equal(predict(images[::-1]), predict(images)[::-1])
    np.testing.assert_allclose(on_the_board(path, images), wanted, atol=1e-6)


def on_the_board(path, images):
    from jetson.interpreter import Model
    from jetson.predictor import Predictor

    predictor = Predictor(Model(path.read_bytes(), 1))
    return np.array([next(iter(predictor.predict(image).values())) for image in images])


def keras_rows(path, image):
    """A fresh interpreter for one image of grey rows."""
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], unit(image[None, ..., 0]))
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def test_variables_that_outlive_a_reset(tmp_path):
    """A counter in a resource variable: only a fresh interpreter starts at 0."""

    class Counting(tf.Module):
        def __init__(self):
            self.seen = tf.Variable(tf.zeros((1, 3)))

        @tf.function(input_signature=[tf.TensorSpec([1, 4, 4, 3])])
        def __call__(self, image):
            self.seen.assign_add(tf.reduce_mean(image, (1, 2)))
            return self.seen.read_value()

    module = Counting()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.__call__.get_concrete_function()], module)
    converter.experimental_enable_resource_variables = True
    path = Path(tmp_path) / "counting.tflite"
    path.write_bytes(converter.convert())
    images = TEST[:3, 4:8, 4:8]
    np.testing.assert_allclose(numbers_of(path)(images), unit(images).mean((1, 2)), atol=1e-6)
    np.testing.assert_allclose(on_the_board(path, images), unit(images).mean((1, 2)), atol=1e-6)
