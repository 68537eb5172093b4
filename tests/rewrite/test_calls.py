"""What a nested network is called with, and whether it is trained, stays so when it is opened."""

import numpy as np
import pytest

from compress import fake_quant, keras
from compress.errors import UserError
from compress.quantize.fold import fold
from compress.quantize.qat import quantization_aware
from compress.rewrite import as_plain_layers
from compress.rewrite.refuse import refusals

layers = keras.layers
IMAGES = np.random.default_rng(0).random((8, 12, 12, 3), dtype="float32")


def base(dropout=True):
    """A convolution with a batch norm and a dropout, in a network in a network."""
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 12, 3))
    x = layers.BatchNormalization(name="norm")(layers.Conv2D(4, 3, name="conv")(image))
    inner = keras.Model(image, layers.Dropout(0.5, name="drop")(x) if dropout else x, name="inner")
    outside = keras.Input((12, 12, 3))
    model = keras.Model(outside, layers.ReLU(name="relu")(inner(outside)), name="base")
    norm = inner.get_layer("norm")
    norm.set_weights([np.full(4, value, "float32") for value in (1.1, 0.2, 0.1, 0.7)])
    return model


def on_top(network, **called_with):
    image = keras.Input((12, 12, 3))
    x = layers.GlobalAveragePooling2D()(network(image, **called_with))
    return keras.Model(image, layers.Dense(3, name="head")(x), name="theirs")


def test_a_base_that_is_called_in_inference_stays_so_while_the_head_is_trained():
    model = on_top(base(), training=False)
    wanted = model(IMAGES, training=True).numpy()
    np.testing.assert_array_equal(wanted, model(IMAGES, training=False))
    opened = as_plain_layers(model)
    assert {layer.name for layer in opened.layers} >= {"base/inner/conv", "base/inner/norm", "base/inner/drop"}
    np.testing.assert_allclose(opened(IMAGES, training=True), wanted, atol=1e-6)
    mean = opened.get_layer("base/inner/norm").moving_mean.numpy()
    np.testing.assert_allclose(mean, 0.1)
    aware = quantization_aware(model, [IMAGES])
    np.testing.assert_array_equal(aware(IMAGES, training=True), aware(IMAGES, training=False))


def test_a_base_without_a_word_trains_when_the_network_does():
    opened = as_plain_layers(on_top(base()))
    assert np.any(opened(IMAGES, training=True).numpy() != opened(IMAGES, training=False).numpy())


@pytest.mark.parametrize("which", ["container", "layers"])
def test_a_frozen_base_stays_frozen_layer_by_layer(which):
    network = base(dropout=False)
    network.trainable = False
    if which == "container":  # as some files are read back: the layers' own flags say nothing
        for layer in network._flatten_layers(include_self=False):
            layer._trainable = True
    model = on_top(network)
    opened = as_plain_layers(model)
    assert [weight.name for weight in opened.trainable_weights] == ["head/kernel:0", "head/bias:0"]
    wanted = model(IMAGES, training=False).numpy()
    np.testing.assert_allclose(opened(IMAGES, training=True), wanted, atol=1e-6)
    np.testing.assert_allclose(opened.get_layer("base/inner/norm").moving_mean, 0.1)
    np.testing.assert_allclose(fold(model)(IMAGES), wanted, atol=1e-5)
    aware = quantization_aware(opened, [IMAGES])
    assert len(aware.trainable_weights) == 2
    fake_quant.freeze_quantized_kernels(aware)
    assert np.corrcoef(np.ravel(aware(IMAGES)), wanted.ravel())[0, 1] > 0.99


def test_a_batch_norm_of_its_own_stays_frozen_as_a_depthwise_convolution():
    image = keras.Input((12, 12, 3))
    norm = layers.BatchNormalization(trainable=False)
    x = norm(layers.MaxPooling2D()(layers.Conv2D(4, 3)(image)))
    model = keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))
    assert len(model.trainable_weights) == len(fold(model).trainable_weights) == 4
    assert len(quantization_aware(model, [IMAGES]).trainable_weights) == 4


@pytest.mark.parametrize(
    ("dropout", "words"),
    [
        (
            False,
            "'base/inner/norm' is called with training=True, .* normalizes by the statistics of the batch.*training=False",
        ),
        (True, "'base/inner/drop' is called with training=True, .* outputs are random"),
    ],
)
def test_a_base_that_is_called_in_training_is_refused(dropout, words):
    with pytest.raises(UserError, match=words):
        as_plain_layers(on_top(base(dropout), training=True))


def test_a_frozen_base_that_is_called_in_training_is_not():
    network = base(dropout=False)
    network.trainable = False
    model = on_top(network, training=True)
    assert refusals(model) == {}
    np.testing.assert_allclose(as_plain_layers(model)(IMAGES, training=True), model(IMAGES, training=False), atol=1e-6)


def test_a_layers_own_word_counts_more_than_its_networks():
    image = keras.Input((12, 12, 3))
    inner = keras.Model(image, layers.Dropout(0.5)(layers.Conv2D(4, 3)(image), training=False), name="inner")
    assert refusals(on_top(inner, training=True)) == {}


def test_an_input_of_integers_is_refused():
    image = keras.Input((12, 12, 3), dtype="int32", name="image")
    x = layers.Flatten()(layers.Rescaling(1 / 255)(image))
    with pytest.raises(UserError, match="'image' reads int32: build the network with keras.Input.*float32"):
        as_plain_layers(keras.Model(image, layers.Dense(2)(x)))
