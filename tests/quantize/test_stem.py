"""A strided convolution of an image, on pairs of pixels."""

import numpy as np
import pytest

from compress import keras
from compress.quantize.fold import fold
from compress.quantize.stem import reads_pairs

layers = keras.layers


def network(width=14, channels=3, **options):
    image = keras.Input((13, width, channels))
    options = {"kernel_size": 7, "strides": 2, "name": "conv", "bias_initializer": "random_normal", **options}
    return keras.Model(image, layers.Conv2D(5, **options)(image))


@pytest.mark.parametrize(
    "options", [{}, {"kernel_size": 5}, {"kernel_size": (5, 6)}, {"strides": (1, 2)}, {"channels": 1}]
)
def test_it_computes_the_same(options):
    model = network(**options)
    images = np.random.default_rng(0).random((2, *model.input_shape[1:]), dtype="float32")
    folded = fold(model)
    assert [type(layer).__name__ for layer in folded.layers[1:]] == ["Reshape", "Conv2D"]
    np.testing.assert_allclose(folded(images), model(images), atol=1e-5)
    with keras.tf.GradientTape() as tape:  # strides of two lengths train, too
        loss = keras.tf.reduce_sum(folded(images) ** 2)
    assert np.abs(tape.gradient(loss, folded.trainable_weights[0])).max() > 0


@pytest.mark.parametrize("options", [
    {"width": 15}, {"padding": "same"}, {"strides": 1}, {"kernel_size": 3}, {"channels": 8},
    {"channels": 4, "groups": 1, "dilation_rate": 2, "strides": 1, "kernel_size": 5},
])  # fmt: skip
def test_others_stay(options):
    assert not reads_pairs(network(**options).layers[1])
