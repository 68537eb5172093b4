"""Layers that compute y = scale * x + shift per channel, in inference, whatever they are called.

A batch normalization has scale = gamma / sqrt(variance + epsilon) and shift = beta - mean * scale (Ioffe and Szegedy,
2015, algorithm 2). One more such layer is one function and one entry in AFFINE.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from compress.rewrite.graph import input_shape, keras_kind

Line = tuple[np.ndarray, np.ndarray]


def scale_and_shift(gamma: Any, beta: Any, mean: Any, variance: Any, epsilon: float) -> Line:
    """The two (channels,) arrays that a batch normalization multiplies by and adds; gamma or beta may be None."""
    scale = (1.0 if gamma is None else gamma) / np.sqrt(variance + epsilon)
    return scale, (0.0 if beta is None else beta) - mean * scale


def _batch_norm(layer: Any) -> Line | None:
    if list(layer.axis) != [len(input_shape(layer)) - 1]:
        return None
    gamma = layer.gamma.numpy() if layer.scale else None
    beta = layer.beta.numpy() if layer.center else None
    return scale_and_shift(gamma, beta, layer.moving_mean.numpy(), layer.moving_variance.numpy(), layer.epsilon)


def _rescaling(layer: Any) -> Line | None:
    if any(np.size(value) not in (1, input_shape(layer)[-1]) for value in (layer.scale, layer.offset)):
        return None
    return _channels(layer, layer.scale), _channels(layer, layer.offset)


def _normalization(layer: Any) -> Line | None:
    mean, variance = np.ravel(layer.mean), np.ravel(layer.variance)
    if layer.invert or mean.size not in (1, input_shape(layer)[-1]):
        return None
    scale = 1 / np.maximum(np.sqrt(variance), np.float32(1e-7))
    return _channels(layer, scale), _channels(layer, -mean * scale)


def _layer_scale(layer: Any) -> Line:
    return _channels(layer, layer.gamma.numpy()), _channels(layer, 0.0)


def _depthwise(layer: Any) -> Line | None:
    if layer.kernel_size != (1, 1) or layer.strides != (1, 1) or layer.depth_multiplier != 1:
        return None
    if layer.activation.__name__ != "linear":
        return None
    scale, *shift = layer.get_weights()
    return scale.ravel(), shift[0] if shift else _channels(layer, 0.0)


def _channels(layer: Any, value: Any) -> np.ndarray:
    return np.broadcast_to(np.asarray(value, np.float32).ravel(), (input_shape(layer)[-1],))


AFFINE: dict[str, Callable[[Any], Line | None]] = {
    "BatchNormalization": _batch_norm,
    "SyncBatchNormalization": _batch_norm,
    "DepthwiseConv2D": _depthwise,
    "LayerScale": _layer_scale,
    "Normalization": _normalization,
    "Rescaling": _rescaling,
}


def is_affine(layer: Any) -> bool:
    """Whether the layer computes just that."""
    rule = AFFINE.get(keras_kind(layer))
    return bool(rule and isinstance(input_shape(layer), tuple) and input_shape(layer)[-1] and rule(layer))


def composed(layers: Iterable[Any]) -> Line:
    """(scale, shift) of layers that are affine, one behind the other, together."""
    first, *others = map(affine, layers)
    scale, shift = first
    for factor, offset in others:
        scale, shift = scale * factor, shift * factor + offset
    return scale, shift


def affine(layer: Any) -> Line:
    """(scale, shift), each (channels,) float32, of a layer that ``is_affine``."""
    line = AFFINE[type(layer).__name__](layer)
    assert line is not None
    return line
