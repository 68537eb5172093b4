"""What ImageNet networks expect, as a 1x1 convolution on [0, 1]."""

import numpy as np
import pytest

from compress import keras
from compress.models import preprocessing


def convolved(images, kernel, bias):
    """A 1x1 convolution is a matrix product a pixel."""
    return images @ kernel[0, 0] + bias


@pytest.mark.parametrize("mode", ["torch", "tf", "caffe"])
def test_the_convolution_equals_preprocess_input(mode):
    preprocess = keras.applications.imagenet_utils.preprocess_input
    images = np.random.default_rng(0).random((4, 9, 7, 3), dtype="float32")
    kernel, bias = preprocessing.affine(lambda x: preprocess(255 * x, mode=mode))
    assert kernel.dtype == bias.dtype == np.float32
    np.testing.assert_allclose(convolved(images, kernel, bias), preprocess(255 * images, mode=mode), atol=1e-4)


def test_caffe_by_hand():
    preprocess = keras.applications.imagenet_utils.preprocess_input
    kernel, bias = preprocessing.affine(lambda x: preprocess(255 * x, mode="caffe"))
    np.testing.assert_allclose(kernel[0, 0], [[0, 0, 255], [0, 255, 0], [255, 0, 0]], atol=2e-5)
    np.testing.assert_allclose(bias, [-103.939, -116.779, -123.68], rtol=1e-6)


def network_with_own_preprocessing():
    image = keras.Input((5, 4, 3))
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[0.5, 0.6, 0.7])(x)
    x = keras.tf.math.multiply(x, [[[[2.0, 3.0, 4.0]]]])
    x = keras.layers.Conv2D(6, 3, padding="same", name="first")(x)
    x = keras.layers.Add(name="sum")([x, keras.layers.ReLU(name="relu")(x)])
    return keras.Model(image, keras.layers.GlobalAveragePooling2D()(x), name="own")


def test_layers_inside_are_replaced_by_the_convolution():
    model = network_with_own_preprocessing()
    own = preprocessing.own_preprocessing(model)
    rebuilt = preprocessing.replaced(model, preprocessing.affine(lambda x: own(255 * x)))
    names = [layer.name for layer in rebuilt.layers[1:]]
    assert names[:4] == ["preprocessing", "first", "relu", "sum"]
    assert not any(isinstance(layer, keras.layers.Rescaling) for layer in rebuilt.layers)
    assert all(len(layer.inbound_nodes) == 1 for layer in rebuilt.layers)
    images = np.random.default_rng(0).random((2, 5, 4, 3), dtype="float32")
    np.testing.assert_allclose(rebuilt(images), model(255 * images), atol=1e-4)


def test_the_convolution_is_not_trained():
    model = preprocessing.replaced(network_with_own_preprocessing(), preprocessing.affine(lambda x: 2 * x))
    layer = model.get_layer("preprocessing")
    assert not layer.trainable
    assert [weight.name for weight in model.trainable_weights] == ["first/kernel:0", "first/bias:0"]


def test_without_a_convolution_the_layers_are_only_taken_away():
    model = network_with_own_preprocessing()
    rebuilt = preprocessing.replaced(model)
    assert rebuilt.layers[1].name == "first"
    plain = keras.Sequential([keras.Input((5, 4, 3)), keras.layers.Conv2D(2, 1)])
    assert preprocessing.own_layers(plain) == []
    assert preprocessing.replaced(plain) is plain
