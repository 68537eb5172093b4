"""A strided convolution of an image, on pairs of pixels."""

import numpy as np
import pytest

from compress import keras
from compress.quantize.fold import fold
from compress.quantize.pixel_pair_stem import PixelPairs, pixel_pairs

layers = keras.layers


def network(width=14, channels=3, pad=None, **options):
    image = keras.Input((13, width, channels))
    options = {"kernel_size": 7, "strides": 2, "name": "conv", "bias_initializer": "random_normal", **options}
    x = layers.ZeroPadding2D(pad, name="pad")(image) if pad else image
    return keras.Model(image, layers.Conv2D(5, **options)(x))


def test_how_densenets_stem_reads_pairs():
    # 224 pixels, 3 of padding on both sides: with a column of zeros, 4 before are 2 pairs; the last window ends at 225
    image = keras.Input((224, 224, 3))
    pad, conv = layers.ZeroPadding2D(3), layers.Conv2D(64, 7, 2)
    conv(pad(image))
    assert pixel_pairs(conv, pad) == PixelPairs(lead=1, steps=4, left=2, right=1)


@pytest.mark.parametrize("options", [
    {}, {"kernel_size": 5}, {"kernel_size": (5, 6)}, {"strides": (1, 2)}, {"channels": 1}, {"pad": 3}, {"pad": 2},
    {"pad": ((0, 1), (3, 2))}, {"pad": ((2, 0), (1, 4)), "kernel_size": 5},
])  # fmt: skip
def test_it_computes_the_same(options):
    model = network(**options)
    images = np.random.default_rng(0).random((2, *model.input_shape[1:]), dtype="float32")
    folded = fold(model)
    kinds = [type(layer).__name__ for layer in folded.layers[1:]]
    assert kinds == ["Reshape", "ZeroPadding2D", "Conv2D"] if "pad" in options else ["Reshape", "Conv2D"]
    np.testing.assert_allclose(folded(images), model(images), atol=1e-5)
    with keras.tf.GradientTape() as tape:  # strides of two lengths train, too
        loss = keras.tf.reduce_sum(folded(images) ** 2)
    assert np.abs(tape.gradient(loss, folded.trainable_weights[0])).max() > 0


@pytest.mark.parametrize("options", [
    {"width": 15}, {"padding": "same"}, {"strides": 1}, {"kernel_size": 3}, {"channels": 8},
    {"channels": 4, "groups": 1, "dilation_rate": 2, "strides": 1, "kernel_size": 5},
])  # fmt: skip
def test_others_stay(options):
    assert pixel_pairs(network(**options).layers[1]) is None
