"""Average pools as depthwise convolutions: as many pixels counted as the pool counts, on every border."""

import numpy as np
import pytest

from compress import keras
from compress.quantize.average_pool_as_depthwise import average_pool, pixels_counted

layers = keras.layers
IMAGES = np.random.default_rng(0).normal(size=(2, 7, 8, 3)).astype("float32")


def pool(*options, **named):
    image = keras.Input(IMAGES.shape[1:])
    layer = layers.AveragePooling2D(*options, **named)
    return image, layer, layer(image)


def test_pixels_counted_by_hand():
    # 3x3 with padding: 2 x 2 in the corners, 2 x 3 at the borders
    counts = pixels_counted(pool(3, 1, padding="same")[1])
    assert counts.shape == (7, 8)
    assert counts[0, :3].tolist() == [4, 6, 6]
    assert counts[1, :3].tolist() == [6, 9, 9]
    assert counts[-1, -1] == 4


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("size", "strides"), [(2, 2), (3, 1), (3, 2), ((2, 3), (2, 1)), (5, 3), (6, 6)])
def test_it_computes_what_the_pool_computes(size, strides, padding):
    image, layer, output = pool(size, strides, padding=padding)
    same = average_pool(layer)(image)
    np.testing.assert_allclose(keras.Model(image, same)(IMAGES), keras.Model(image, output)(IMAGES), atol=1e-6)
    depthwise = isinstance(same.node.layer, layers.DepthwiseConv2D | layers.Rescaling)
    assert depthwise == (np.prod(size) * (1 if isinstance(size, tuple) else size) <= 25)


def test_it_does_not_train():
    image, layer, _ = pool(3, 2)
    assert keras.Model(image, average_pool(layer)(image)).trainable_weights == []
