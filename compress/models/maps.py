"""A head on a map of features of a network that was made for classes."""

from __future__ import annotations

from typing import Any

from compress import keras
from compress.models.head import Head

STRIDE = 8


def with_head(network: keras.Model, head: Head) -> keras.Model:
    """``head`` on the last map of the network at a stride of 8, or of fewer where it has none at 8.

    What is behind that map is left out.
    """
    image = network.inputs[0]
    stride, features = max(_strides(network).items())
    return keras.Model(image, head(features, stride), name=network.name)


def _strides(network: keras.Model) -> dict[int, Any]:
    """Stride of at most 8 pixels -> the output of the last layer that gives a map of that stride."""
    height, width = network.input_shape[1:3]
    last = {}
    for layer in network.layers:
        shape = layer.output_shape if isinstance(layer.output_shape, tuple) else ()
        if len(shape) != 4 or None in shape[1:] or height % shape[1]:
            continue
        stride = height // shape[1]
        if stride <= STRIDE and shape[2] * stride == width:
            last[stride] = layer.output
    return last
