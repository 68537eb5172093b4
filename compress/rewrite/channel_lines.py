"""Scale and shift per channel of each kind of layer that computes y = scale * x + shift in inference.

A batch normalization has scale = gamma / sqrt(variance + epsilon) and shift = beta - mean * scale (Ioffe and Szegedy,
2015, algorithm 2). Each function takes a layer of its kind and returns two (channels,) arrays, or None where this layer
computes something else.
"""

from typing import Any

import numpy as np

from compress.rewrite.graph import input_shape

Line = tuple[np.ndarray, np.ndarray]


def scale_and_shift(gamma: Any, beta: Any, mean: Any, variance: Any, epsilon: float) -> Line:
    """The two (channels,) arrays that a batch normalization multiplies by and adds; gamma or beta may be None."""
    scale = (1.0 if gamma is None else gamma) / np.sqrt(variance + epsilon)
    return scale, (0.0 if beta is None else beta) - mean * scale


def batch_normalization(layer: Any) -> Line | None:
    if list(layer.axis) != [len(input_shape(layer)) - 1]:
        return None
    gamma = layer.gamma.numpy() if layer.scale else None
    beta = layer.beta.numpy() if layer.center else None
    return scale_and_shift(gamma, beta, layer.moving_mean.numpy(), layer.moving_variance.numpy(), layer.epsilon)


def rescaling(layer: Any) -> Line | None:
    if any(np.size(value) not in (1, input_shape(layer)[-1]) for value in (layer.scale, layer.offset)):
        return None
    return _of_each_channel(layer, layer.scale), _of_each_channel(layer, layer.offset)


def normalization(layer: Any) -> Line | None:
    mean, variance = np.ravel(layer.mean), np.ravel(layer.variance)
    if layer.invert or mean.size not in (1, input_shape(layer)[-1]):
        return None
    scale = 1 / np.maximum(np.sqrt(variance), np.float32(1e-7))
    return _of_each_channel(layer, scale), _of_each_channel(layer, -mean * scale)


def layer_scale(layer: Any) -> Line:
    return _of_each_channel(layer, layer.gamma.numpy()), _of_each_channel(layer, 0.0)


def depthwise_1x1(layer: Any) -> Line | None:
    if layer.kernel_size != (1, 1) or layer.strides != (1, 1) or layer.depth_multiplier != 1:
        return None
    if layer.activation.__name__ != "linear":
        return None
    scale, *shift = layer.get_weights()
    return scale.ravel(), shift[0] if shift else _of_each_channel(layer, 0.0)


def _of_each_channel(layer: Any, value: Any) -> np.ndarray:
    return np.broadcast_to(np.asarray(value, np.float32).ravel(), (input_shape(layer)[-1],))
