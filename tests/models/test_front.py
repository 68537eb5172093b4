"""The affine chain at a network's beginning: found wherever it stands, by its numbers, and told apart."""

import numpy as np
import pytest

from compress import keras
from compress.evaluate.expected_pixels import told_by
from compress.models.front import fed, front_of
from compress.pixels import PIXELS, parse

layers, tf = keras.layers, keras.tf
MEAN, VARIANCE = [0.485, 0.456, 0.406], [0.229**2, 0.224**2, 0.225**2]
preprocess = keras.applications


def nested(chain):
    """The chain in a network of its own, in front."""
    image = keras.Input((8, 8, 3))
    return keras.Model(image, chain(image))


def base(chain):
    """The chain at the beginning of a nested base."""
    image = keras.Input((8, 8, 3))
    return keras.Model(image, body(chain(image)))


def body(x):
    return layers.Conv2D(4, 3, activation="relu")(x)


def bgr(x):
    red, green, blue = tf.split(x, 3, axis=-1)
    return tf.concat([blue, green, red], axis=-1)


EYE = np.eye(3)
# chain -> (matrix, offset, what is told)
CHAINS = {
    "nothing": (lambda x: x, EYE, 0, None),
    "rescaling": (layers.Rescaling(1 / 255), EYE / 255, 0, "0..255"),
    "to -1..1": (layers.Rescaling(1 / 127.5, -1), EYE / 127.5, -1, "0..255"),
    "of 0..1 to -1..1": (layers.Rescaling(2.0, -1), 2 * EYE, -1, "0..1"),
    "centred": (lambda x: x - 0.5, EYE, -0.5, "0..1"),
    "of -1..1": (lambda x: (x + 1) / 2, EYE / 2, 0.5, "-1..1"),
    "of -1..1 to bytes": (lambda x: (x + 1.0) * 127.5, EYE * 127.5, 127.5, "-1..1"),
    "operations": (lambda x: tf.cast(x, tf.float32) / 127.5 - 1.0, EYE / 127.5, -1, "0..255"),
    "subtracted": (lambda x: tf.subtract(tf.multiply(x, 1 / 255), MEAN), EYE / 255, -np.array(MEAN), "0..255"),
    "normalization": (
        layers.Normalization(mean=MEAN, variance=VARIANCE),
        np.diag(1 / np.sqrt(VARIANCE)), -np.array(MEAN) / np.sqrt(VARIANCE), "0..1",
    ),
    "rescaling and normalization": (
        lambda x: layers.Normalization(mean=MEAN, variance=VARIANCE)(layers.Rescaling(1 / 255)(x)),
        np.diag(1 / np.sqrt(VARIANCE)) / 255, -np.array(MEAN) / np.sqrt(VARIANCE), "0..255",
    ),
    "mobilenet's function": (preprocess.mobilenet_v2.preprocess_input, EYE / 127.5, -1, "0..255"),
    "resnet's function": (
        preprocess.resnet50.preprocess_input, EYE[::-1], -np.array([103.939, 116.779, 123.68]), "0..255",
    ),
    "densenet's function": (
        preprocess.densenet.preprocess_input,
        np.diag(1 / np.sqrt(VARIANCE)) / 255, -np.array(MEAN) / np.sqrt(VARIANCE), "0..255",
    ),
    "reversed channels": (lambda x: layers.Rescaling(1 / 255)(x[..., ::-1]), EYE[::-1] / 255, 0, "0..255"),
    "split and joined": (lambda x: bgr(x / 255.0), EYE[::-1] / 255, 0, "0..255"),
    "augmentation before": (
        lambda x: layers.Rescaling(1 / 127.5, -1)(layers.RandomRotation(0.1)(layers.RandomFlip()(x))), EYE / 127.5, -1, "0..255",
    ),
    "augmentation behind": (
        lambda x: layers.RandomZoom(0.1)(layers.Rescaling(1 / 255)(x)), EYE / 255, 0, "0..255",
    ),
    "resized": (lambda x: layers.Rescaling(1 / 255)(layers.Resizing(8, 8)(x)), EYE / 255, 0, "0..255"),
    "a mean of digits": (layers.Normalization(mean=0.13, variance=0.31**2), EYE / 0.31, -0.13 / 0.31, None),
    "a square": (lambda x: x * x, EYE, 0, None),
}  # fmt: skip


@pytest.mark.parametrize("where", ["top", "a network in front", "a nested base", "twice nested"])
@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_is_found_by_its_numbers(name, where):
    chain, matrix, offset, told = CHAINS[name]
    image = keras.Input((8, 8, 3))
    outputs = {
        "top": lambda: body(chain(image)),
        "a network in front": lambda: body(nested(chain)(image)),
        "a nested base": lambda: base(chain)(image),
        "twice nested": lambda: base(lambda x: nested(chain)(x))(image),
    }[where]()
    model = keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(outputs)))
    front = front_of(model)
    np.testing.assert_allclose(front.matrix, matrix, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(front.offset, np.broadcast_to(offset, 3), rtol=1e-4, atol=2e-4)
    names = [pixels.name for pixels in told_by(front)]
    assert names == [told] if told else len(names) != 1 or name == "a mean of digits"


def test_a_network_that_uses_its_pixels_twice_has_no_chain_behind_that():
    image = keras.Input((8, 8, 3))
    x = layers.Rescaling(1 / 255)(image)
    y = layers.Concatenate()([body(x), body(layers.Rescaling(2.0, -1)(x))])
    front = front_of(keras.Model(image, y))
    np.testing.assert_allclose(front.matrix, EYE / 255, rtol=1e-5)


def test_a_grey_image_of_three_channels():
    image = keras.Input((8, 8, 1))
    x = layers.Rescaling(1 / 255)(image)
    front = front_of(keras.Model(image, body(layers.Concatenate()([x, x, x]))))
    np.testing.assert_allclose(front.matrix, np.full((3, 1), 1 / 255), rtol=1e-5)
    assert [pixels.name for pixels in told_by(front)] == ["0..255"]


@pytest.mark.parametrize("name", [*PIXELS, "own"])
def test_a_network_is_fed_what_it_expects(name):
    pixels = parse({"scale": [0.1, 0.2, 0.3], "offset": -1.5}) if name == "own" else PIXELS[name]
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, layers.Dense(3)(layers.Flatten()(base(lambda x: x)(image))))
    some = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), dtype="uint8")
    wanted = model(pixels.of(some)).numpy()
    got = fed(model, pixels)((some / 255).astype("float32")).numpy()
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4 * abs(wanted).max())
    assert (fed(model, pixels) is model) == (name == "0..1")
