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
    refused(
        tmp_path / file,
        r"layer 'square' is of a custom class \(Block\), which is not a layer of Keras: use Keras's",
    )


def refused(path, match, **known):
    with pytest.raises(UserError, match=match) as error:
        saved_model.load(path, **known)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("known", "match"),
    [
        ({"classes": 10}, r"gives \(5,\), but the data have 10 classes"),
        ({"shape": (32, 32, 3)}, "reads 8x8x3, but the data are 32x32x3: --set data.size=8"),
        ({"shape": (8, 8, 1)}, "reads 8x8x3, but the data are 8x8x1: --set data.channels=3"),
        ({"shape": (192,)}, "reads 8x8x3, but the data are 192 numbers$"),
    ],
)
def test_other_data(known, match, tmp_path):
    network(dense()).save(tmp_path / "whole.h5")
    refused(tmp_path / "whole.h5", match, **known)


@pytest.mark.parametrize("file", ["folder", "whole.h5"])
def test_a_softmax_inside_a_nested_network_is_cut(file, tmp_path):
    image = keras.Input((8, 8, 3))
    original = keras.Model(image, network(dense(activation="softmax"))(image))
    original.save(tmp_path / file)
    cut = saved_model.load(tmp_path / file)
    np.testing.assert_allclose(keras.tf.nn.softmax(cut(IMAGES)), original(IMAGES), atol=1e-6)


PASSED_ON = {
    "reshape": lambda x: keras.layers.Reshape((5,))(keras.layers.Reshape((1, 5))(x)),
    "flatten": lambda x: keras.layers.Flatten()(x),
    "linear activation": lambda x: keras.layers.Activation("linear")(x),
    "operations": lambda x: keras.tf.reshape(keras.tf.identity(x), (-1, 5)),
    "dropout": lambda x: keras.layers.Dropout(0.5)(x),
}


@pytest.mark.parametrize("end", PASSED_ON)
@pytest.mark.parametrize(
    "softmax", [lambda: dense(activation="softmax"), lambda: lambda x: keras.tf.nn.softmax(dense()(x))]
)
def test_a_softmax_that_is_only_passed_on_is_cut(end, softmax, tmp_path):
    original = network(lambda x: PASSED_ON[end](softmax()(x)))
    original.save(tmp_path / "folder")
    cut = saved_model.load(tmp_path / "folder", classes=5)
    assert abs(cut(IMAGES).numpy().sum(-1) - 1).min() > 1e-3
    np.testing.assert_allclose(keras.tf.nn.softmax(cut(IMAGES)), original(IMAGES), atol=1e-6)


def test_a_map_of_one_pixel_becomes_a_row(tmp_path):
    x = keras.Input((8, 8, 3))
    y = keras.layers.GlobalAveragePooling2D(keepdims=True)(keras.layers.Conv2D(5, 3)(x))
    original = keras.Model(x, keras.layers.Softmax()(y))
    original.save(tmp_path / "folder")
    cut = saved_model.load(tmp_path / "folder", classes=5)
    assert cut.output_shape == (None, 5)
    np.testing.assert_allclose(keras.tf.nn.softmax(cut(IMAGES)), original(IMAGES)[:, 0, 0], atol=1e-6)


def test_a_softmax_that_something_reads_is_refused(tmp_path):
    image = keras.Input((8, 8, 3))
    softmax = keras.layers.Softmax(name="twice")
    keras.Model(image, softmax(softmax(dense()(features(image))))).save(tmp_path / "twice")
    refused(tmp_path / "twice", "the softmax twice is used more than once")


@pytest.mark.parametrize("end", [
    lambda x: dense(activation="sigmoid")(x), lambda x: keras.tf.sigmoid(dense()(x)), lambda x: keras.layers.Dense(1, activation="sigmoid")(x),
    lambda x: keras.layers.Reshape((5,))(keras.layers.Activation("sigmoid")(dense()(x))), lambda x: dense(activation="tanh")(x),
])  # fmt: skip
def test_an_end_that_gives_no_logits_is_refused_with_the_reason(end, tmp_path):
    network(end).save(tmp_path / "folder")
    refused(
        tmp_path / "folder",
        "ends in (a sigmoid for each unit|values in .-1, 1.) .* does not give the logits of one class",
    )


@pytest.mark.parametrize("shape", [(8, 8, 1), (8, 6, 3), (3, 8, 8), (192,), (20, 4)])
def test_inputs_of_any_shape(shape, tmp_path):
    image = keras.Input(shape)
    original = keras.Model(image, dense()(keras.layers.Flatten()(image)))
    original.save(tmp_path / "whole.h5")
    some = np.random.default_rng(0).random((2, *shape), dtype="float32")
    np.testing.assert_array_equal(saved_model.load(tmp_path / "whole.h5", 5, shape)(some), original(some))


@pytest.mark.parametrize(
    ("shape", "data", "match"),
    [
        ((8, 8, 1), (8, 8, 3), "reads 8x8x1, but the data are 8x8x3: --set data.channels=1$"),
        ((8, 12, 3), (8, 8, 3), r"reads 8x12x3, but the data are 8x8x3: --set 'data.size=.8, 12.'$"),
        ((9, 9, 1), (8, 8, 3), "--set data.channels=1 --set data.size=9$"),
        ((None, None, 1), (8, 8, 3), r"reads \?x\?x1, but the data are 8x8x3: --set data.channels=1$"),
        ((192,), (8, 8, 3), "reads 192 numbers, but the data are 8x8x3$"),
        (
            (8, 8),
            (8, 8, 1),
            "reads 8x8, but the data are 8x8x1: pictures of bytes get a channel; give the arrays as floats",
        ),
        ((20, 5, 1), (20, 5), "reads 20x5x1, but the data are 20x5: give the arrays a last axis of 1"),
    ],
)
def test_other_shapes(shape, data, match, tmp_path):
    image = keras.Input(shape)
    flat = keras.layers.Flatten() if None not in shape else keras.layers.GlobalMaxPooling2D()
    keras.Model(image, dense()(flat(image))).save(tmp_path / "whole.h5")
    refused(tmp_path / "whole.h5", match, shape=data)


def test_bytes_as_input_become_floats_of_the_same_values(tmp_path):
    image = keras.Input((8, 8, 3), dtype="uint8")
    original = keras.Model(image, dense()(features(keras.tf.cast(image, "float32") / 255.0)))
    original.save(tmp_path / "folder")
    loaded = saved_model.load(tmp_path / "folder")
    some = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype="uint8")
    assert loaded.inputs[0].dtype == "float32"
    np.testing.assert_allclose(loaded(some.astype("float32")), original(some), atol=1e-6)


def test_bytes_that_are_computed_with_as_such_are_refused(tmp_path):
    image = keras.Input((8, 8, 3), dtype="uint8")
    floats = keras.tf.image.convert_image_dtype(image, "float32")  # divides bytes, and nothing else
    keras.Model(image, dense()(features(floats))).save(tmp_path / "folder")
    refused(tmp_path / "folder", "computes on uint8 values directly.*convert_image_dtype")


def test_several_inputs_or_outputs(tmp_path):
    one, two = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    keras.Model([one, two], features(keras.layers.Add()([one, two]))).save(tmp_path / "inputs.h5")
    refused(tmp_path / "inputs.h5", r"2 inputs \(.*\), but must have 1")
    keras.Model(one, [features(one), features(one)]).save(tmp_path / "outputs.h5")
    refused(tmp_path / "outputs.h5", r"2 outputs \(.*\), but must have 1")


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
    refused(tmp_path / "folder", "not a Keras SavedModel .*cannot be trained")


def test_no_model(tmp_path):
    refused(tmp_path / "nothing", "no network at")
    refused(tmp_path, "not a SavedModel")
    (tmp_path / "model.txt").write_text("no")
    refused(tmp_path / "model.txt", "is not a network")
    (tmp_path / "broken.keras").write_text("no")
    refused(tmp_path / "broken.keras", "cannot load")
