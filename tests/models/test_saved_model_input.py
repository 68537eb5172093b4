"""A user's own network: cut to logits, or refused in one line."""

import numpy as np
import pytest

from compress import keras
from compress.errors import UserError
from compress.models import saved_model

IMAGES = np.random.default_rng(0).random((3, 8, 8, 3), dtype="float32")


def features(image):
    x = keras.layers.Conv2D(4, 3, activation="relu")(image)
    return keras.layers.GlobalAveragePooling2D()(x)


def network(end, shape=(8, 8, 3)):
    image = keras.Input(shape)
    return keras.Model(image, end(features(image)), name="mine")


def dense(**options):
    return keras.layers.Dense(5, kernel_initializer="random_normal", **options)


ENDS = {
    "dense_softmax": lambda: dense(activation="softmax"),
    "softmax_layer": lambda: lambda x: keras.layers.Softmax()(dense()(x)),
    "softmax_activation": lambda: lambda x: keras.layers.Activation("softmax")(dense()(x)),
    "tf_nn_softmax": lambda: lambda x: keras.tf.nn.softmax(dense()(x)),
    "keras_softmax_function": lambda: lambda x: keras.activations.softmax(dense()(x)),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("file", ["folder", "whole.keras", "whole.h5"])
def test_a_softmax_at_the_end_is_cut(end, file, tmp_path):
    original = network(ENDS[end]())
    expected = original(IMAGES).numpy()
    original.save(tmp_path / file)
    cut = saved_model.load(tmp_path / file, classes=5, shape=(8, 8, 3))
    logits = cut(IMAGES).numpy()
    assert abs(logits.sum(-1) - 1).min() > 1e-3
    np.testing.assert_allclose(keras.tf.nn.softmax(logits), expected, atol=1e-6)
    assert cut.name == "mine"


def test_sequential_networks_are_cut(tmp_path):
    layers = [keras.Input((8, 8, 3)), keras.layers.Flatten(), dense(), keras.layers.Softmax()]
    original = keras.Sequential(layers)
    original.save(tmp_path / "folder")
    cut = saved_model.load(tmp_path / "folder")
    np.testing.assert_allclose(keras.tf.nn.softmax(cut(IMAGES)), original(IMAGES), atol=1e-6)


def test_a_cut_network_trains_and_stays_cut_when_saved(tmp_path):
    network(dense(activation="softmax")).save(tmp_path / "folder")
    cut = saved_model.load(tmp_path / "folder")
    cut.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = cut(IMAGES).numpy()
    cut.train_on_batch(IMAGES, np.array([0, 1, 2]))
    after = cut(IMAGES).numpy()
    assert abs(after - before).max() > 0
    cut.save(tmp_path / "again")
    np.testing.assert_allclose(saved_model.load(tmp_path / "again")(IMAGES), after, atol=1e-6)


def test_logits_come_back_as_they_are(tmp_path):
    original = network(dense())
    original.save(tmp_path / "folder")
    np.testing.assert_array_equal(saved_model.load(tmp_path / "folder")(IMAGES), original(IMAGES))


def test_any_image_size_fits_a_network_without_one(tmp_path):
    network(dense(), (None, None, 3)).save(tmp_path / "folder")
    found = saved_model.load(tmp_path / "folder", shape=(224, 224, 3))
    assert (found.input_shape, found.output_shape) == ((None, 224, 224, 3), (None, 5))
    images = np.random.default_rng(0).random((2, 224, 224, 3), np.float32)
    np.testing.assert_allclose(found(images), saved_model.load(tmp_path / "folder")(images), atol=1e-5)


class Block(keras.layers.Layer):
    def call(self, x):
        return x * x


@pytest.mark.parametrize("file", ["theirs.keras", "theirs.h5"])
def test_a_class_of_their_own_is_named(file, tmp_path):
    image = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(Block(name="square")(image))
    keras.Model(image, keras.layers.Dense(3)(x)).save(tmp_path / file)
    refused(tmp_path / file, r"layer 'square' is of a class of its own \(Block\), which is not known here: use Keras's")


def refused(path, match, **known):
    with pytest.raises(UserError, match=match) as error:
        saved_model.load(path, **known)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("known", "match"),
    [
        ({"classes": 10}, r"emits \(5,\), the data have 10 classes"),
        ({"shape": (32, 32, 3)}, "8x8x3, the data are 32x32x3"),
    ],
)
def test_other_data(known, match, tmp_path):
    network(dense()).save(tmp_path / "whole.h5")
    refused(tmp_path / "whole.h5", match, **known)


def test_a_softmax_inside_a_nested_network_is_refused(tmp_path):
    image = keras.Input((8, 8, 3))
    keras.Model(image, network(dense(activation="softmax"))(image)).save(tmp_path / "whole.keras")
    refused(tmp_path / "whole.keras", "emits probabilities from mine")


@pytest.mark.parametrize(
    ("shape", "data", "match"),
    [
        ((8, 8, 1), (8, 8, 3), r"reads 8x8x1, the data are 8x8x3: set channels = 1 in \[data\]"),
        ((8, 12, 3), (8, 8, 3), r"reads 8x12x3, the data are 8x8x3: set size = \[8, 12\] in \[data\]"),
        ((9, 9, 1), (8, 8, 3), r"set size = 9 and channels = 1 in"),
        ((None, None, 1), (8, 8, 3), r"reads anyxanyx1, the data are 8x8x3: set channels = 1 in"),
        ((192,), (8, 8, 3), r"reads 192, the data are 8x8x3$"),
        ((20, 5, 1), (20, 5), r"reads 20x5x1, the data are 20x5: give the arrays a last axis of 1"),
    ],
)
def test_other_shapes(shape, data, match, tmp_path):
    image = keras.Input(shape)
    flat = keras.layers.Flatten() if None not in shape else keras.layers.GlobalMaxPooling2D()
    keras.Model(image, dense()(flat(image))).save(tmp_path / "whole.h5")
    refused(tmp_path / "whole.h5", match, shape=data)


def test_bytes_as_input(tmp_path):
    image = keras.Input((8, 8, 3), dtype="uint8")
    x = keras.layers.Lambda(lambda x: keras.tf.cast(x, "float32"))(image)
    keras.Model(image, features(x)).save(tmp_path / "folder")
    refused(tmp_path / "folder", "uint8, not float32")


def test_several_inputs_or_outputs(tmp_path):
    one, two = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    keras.Model([one, two], features(keras.layers.Add()([one, two]))).save(tmp_path / "inputs.h5")
    refused(tmp_path / "inputs.h5", "2 inputs, not 1")
    keras.Model(one, [features(one), features(one)]).save(tmp_path / "outputs.h5")
    refused(tmp_path / "outputs.h5", "2 outputs, not 1")


def test_a_network_that_divides_by_255_itself(tmp_path):
    image = keras.Input((8, 8, 3))
    keras.Model(image, features(keras.layers.Rescaling(1 / 255)(image))).save(tmp_path / "whole.keras")
    refused(tmp_path / "whole.keras", "expects pixels up to 255")


def test_a_subclassed_network(tmp_path):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.pool, self.head = keras.layers.GlobalAveragePooling2D(), dense(activation="softmax")

        def call(self, images):
            return self.head(self.pool(images))

    model = Own()
    model(IMAGES)
    model.save(tmp_path / "folder")
    refused(tmp_path / "folder", "subclassed")


def test_a_module_that_only_serves(tmp_path):
    tf = keras.tf

    class Served(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, 8, 8, 3))])
        def __call__(self, images):
            return images

    tf.saved_model.save(Served(), str(tmp_path / "folder"))
    refused(tmp_path / "folder", "not a Keras SavedModel: cannot be trained on")


def test_no_model(tmp_path):
    refused(tmp_path / "nothing", "no model at")
    refused(tmp_path, "not a SavedModel")
    (tmp_path / "model.txt").write_text("no")
    refused(tmp_path / "model.txt", "is no model")
    (tmp_path / "broken.keras").write_text("no")
    refused(tmp_path / "broken.keras", "cannot load")
