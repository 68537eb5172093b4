"""An average pool as a depthwise convolution, exactly: five times faster in int8.

LiteRT has no fast kernel for an int8 pool: 641 us for 3x3 on a map of 28x28x88, on one core, where the convolution
takes 94 us (docs/decisions/0008).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from compress import keras
from compress.rewrite.graph import clone, input_shape

LARGEST = 25  # pixels of a pool; a larger one stays


def average_pool(layer: Any) -> Callable[..., Any]:
    """What computes an AveragePooling2D: a sum with equal weights, and at padded borders a correction behind it."""
    if not is_small(layer):
        return clone(layer)
    pixels = int(np.prod(layer.pool_size))
    depthwise = keras.layers.DepthwiseConv2D(
        layer.pool_size,
        layer.strides,
        layer.padding,
        use_bias=False,
        depthwise_initializer=keras.initializers.Constant(1 / pixels),
        trainable=False,
        name=layer.name,
    )
    counts = pixels_counted(layer)
    if np.all(counts == pixels):
        return depthwise
    border = keras.layers.Rescaling((pixels / counts)[..., None].tolist(), name=f"{layer.name}_border")
    return lambda x: border(depthwise(x))


def is_small(layer: Any) -> bool:
    """Whether the pool becomes a convolution: it is small, and its map's size is known."""
    return bool(np.prod(layer.pool_size) <= LARGEST) and None not in input_shape(layer)[1:]


def pixels_counted(layer: Any) -> np.ndarray:
    """How many pixels of the image each output pixel averages, padding left out: (height, width)."""
    counts = []
    for length, size, stride in zip(input_shape(layer)[1:3], layer.pool_size, layer.strides, strict=True):
        if layer.padding == "valid":
            counts.append(np.full((length - size) // stride + 1, size))
            continue
        outputs = -(-length // stride)
        before = max((outputs - 1) * stride + size - length, 0) // 2
        starts = np.arange(outputs) * stride - before
        counts.append(np.minimum(starts + size, length) - np.maximum(starts, 0))
    return np.outer(*counts)
