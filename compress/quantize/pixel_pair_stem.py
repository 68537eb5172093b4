"""The first convolution of most networks, on two pixels at a time: exact, and 1.7 times faster in int8.

An int8 convolution takes its input channels eight at a time; an image has three. Two neighbours in a row, seen as one
pixel of six channels, waste less: a kernel of 7x7x3 with stride 2 becomes one of 7x4x6 with stride (2, 1), with a
column of zeros. The reshape moves nothing in memory. Measured at 224x224 with 64 outputs: 3.0 ms and 1.8 ms. The
padding comes behind the reshape, where LiteRT makes it a part of the convolution; before it, it would take 0.4 ms of
its own.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from compress import keras
from compress.rewrite.graph import copy, with_weights

SMALLEST = 25  # weights a channel; a 3x3 kernel gains next to nothing


@dataclass(frozen=True)
class PixelPairs:
    """How a convolution reads pairs: columns of zeros before its kernel, its steps, and pairs of padding."""

    lead: int
    steps: int
    left: int
    right: int


def pixel_pairs(layer: Any, padding: Any = None) -> PixelPairs | None:
    """How a convolution can read two pixels at a time, and is the faster for it; None where it cannot.

    ``padding`` is the ZeroPadding2D that it alone reads, if any.
    """
    if not (
        type(layer) is keras.layers.Conv2D
        and layer.padding == "valid"
        and layer.strides[1] == 2
        and layer.groups == 1
        and layer.dilation_rate == (1, 1)
        and np.prod(layer.kernel_size) >= SMALLEST
        and layer.input_shape[-1] <= 4
        and None not in layer.input_shape[1:]
    ):
        return None
    before, after = padding.padding[1] if padding is not None else (0, 0)
    width, taps = layer.input_shape[2] - before - after, layer.kernel_size[1]
    lead = before % 2
    steps, left = -(-(taps + lead) // 2), (before + lead) // 2
    right = layer.output_shape[2] - 1 + steps - left - width // 2
    return PixelPairs(lead, steps, left, right) if width % 2 == 0 and right >= 0 else None


def on_pixel_pairs(
    layer: Any, weights: list[np.ndarray], how: PixelPairs, shape: tuple[int, int, int], rows: Any
) -> Any:
    """The same convolution on pairs, as a function of the image before its padding.

    ``weights``: of ``layer``; ``shape``: of that image; ``rows``: padding above and below.
    """
    kernel, *bias = weights
    height, width, channels, outputs = kernel.shape
    wide = np.zeros((height, 2 * how.steps, channels, outputs), np.float32)
    wide[:, how.lead : how.lead + width] = kernel
    seen = keras.layers.Reshape((shape[0], shape[1] // 2, 2 * channels), name=f"{layer.name}_pairs")
    pad = keras.layers.ZeroPadding2D((tuple(rows), (how.left, how.right)), name=f"{layer.name}_pad")
    new = copy(layer, kernel_size=(height, how.steps), strides=(layer.strides[0], 1))
    convolution = with_weights(new, [wide.reshape(height, how.steps, 2 * channels, outputs), *bias])
    if not any((*rows, how.left, how.right)):
        return lambda x: convolution(seen(x))
    return lambda x: convolution(pad(seen(x)))
