"""The first convolution of most networks, on two pixels at a time: exact, and 1.7 times faster in int8.

An int8 convolution takes its input channels eight at a time; an image has three. Two neighbours in a row, seen as one
pixel of six channels, waste less: a kernel of 7x7x3 with stride 2 becomes one of 7x4x6 with stride (2, 1), whose last
column is zero. The reshape moves nothing in memory. Measured at 224x224 with 64 outputs: 3.0 ms and 1.8 ms.
"""

from typing import Any

import numpy as np

from compress import keras
from compress.rewrite.graph import copy, with_weights

SMALLEST = 25  # weights a channel; a 3x3 kernel gains next to nothing


def reads_pairs(layer: Any) -> bool:
    """Whether a convolution can read two pixels at a time, and is the faster for it."""
    return (
        type(layer) is keras.layers.Conv2D
        and layer.padding == "valid"
        and layer.strides[1] == 2
        and layer.groups == 1
        and layer.dilation_rate == (1, 1)
        and np.prod(layer.kernel_size) >= SMALLEST
        and layer.input_shape[-1] <= 4
        and layer.input_shape[1] is not None
        and layer.input_shape[2] is not None
        and layer.input_shape[2] % 2 == 0
    )


def in_pairs(layer: Any, weights: list[np.ndarray], shape: tuple[int, int, int]) -> Any:
    """The same convolution on pairs, as a function; ``weights``: of ``layer``; ``shape``: of its input."""
    kernel, *bias = weights
    height, width, channels, outputs = kernel.shape
    steps = -(-width // 2)
    wide = np.zeros((height, 2 * steps, channels, outputs), np.float32)
    wide[:, :width] = kernel
    pairs = keras.layers.Reshape((shape[0], shape[1] // 2, 2 * channels), name=f"{layer.name}_pairs")
    new = copy(layer, kernel_size=(height, steps), strides=(layer.strides[0], 1))
    convolution = with_weights(new, [wide.reshape(height, steps, 2 * channels, outputs), *bias])
    return lambda x: convolution(pairs(x))
