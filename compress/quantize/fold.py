"""Rewrites batch normalization away, exactly, so that every layer has an int8 kernel in TFLite.

Inference computes y = scale * x + shift per channel, with scale = gamma / sqrt(variance + epsilon) and
shift = beta - mean * scale (Ioffe and Szegedy, 2015, algorithm 2). After a convolution that is the same
convolution with other numbers (Jacob et al., 2018, section 3.2); after a pool or a concatenation, as in DenseNet,
it is a 1x1 depthwise convolution with bias. A ReLU that alone reads the result becomes its activation, as in TFLite.
The rewrite freezes the batch statistics. Zeros of a kernel stay zeros.
"""

from typing import Any

import numpy as np

from compress import keras
from compress.quantize.graph import copy, readers, rebuild

Arrays = list[np.ndarray]


def scale_and_shift(gamma: Any, beta: Any, mean: Any, variance: Any, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    """The two (channels,) arrays that a batch normalization multiplies by and adds; gamma or beta may be None."""
    scale = (1.0 if gamma is None else gamma) / np.sqrt(variance + epsilon)
    return scale, (0.0 if beta is None else beta) - mean * scale


def fold(model: Any) -> Any:
    """A functional network with the same outputs (to float rounding) and no 4-D batch normalization left."""
    folded = {conv.name: norm for conv, norm in _pairs(model)}
    norms_folded = {norm.name for norm in folded.values()}
    linear = {name: layer for layer in model.layers if (name := layer.name) and _is_linear(layer)}
    fused = _fusable_relus(model, folded)
    weights: list[tuple[Any, Arrays]] = []

    def replace(layer: Any) -> Any:
        if layer.name in norms_folded or layer.name in fused.values():
            return None
        activation = {"activation": "relu"} if layer.name in fused else {}
        if layer.name in folded:
            new = copy(layer, use_bias=True, **activation)
            weights.append((new, _folded_weights(layer, folded[layer.name])))
        elif _is_norm(layer):
            new = keras.layers.DepthwiseConv2D(1, use_bias=True, name=layer.name, **activation)
            scale, shift = _affine(layer)
            weights.append((new, [scale[None, None, :, None], shift]))
        else:
            new = copy(layer, **activation) if layer.name in linear else copy(layer)
            weights.append((new, layer.get_weights()))
        return new

    result = rebuild(model, replace)
    for layer, arrays in weights:
        layer.set_weights(arrays)
    return result


def _is_norm(layer: Any) -> bool:
    return (
        isinstance(layer, keras.layers.BatchNormalization) and len(layer.input_shape) == 4 and list(layer.axis) == [3]
    )


def _is_linear(layer: Any) -> bool:
    kinds = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.Dense)
    # by its exact type: a Conv2DTranspose is a Conv2D whose kernel is (h, w, out, in)
    return type(layer) in kinds and layer.activation is keras.activations.linear


def _is_relu(layer: Any) -> bool:
    if isinstance(layer, keras.layers.ReLU):
        return layer.max_value is None and not layer.negative_slope and not layer.threshold
    return isinstance(layer, keras.layers.Activation) and layer.activation is keras.activations.relu


def _only_reader(model_readers: dict[str, list[Any]], layer: Any) -> Any:
    """The one layer that reads this layer's output; None where there are several or the caller reads it."""
    found = model_readers[layer.name]
    return found[0] if len(found) == 1 and len(layer.inbound_nodes) == 1 else None


def _pairs(model: Any) -> list[tuple[Any, Any]]:
    """Each convolution with the batch normalization that alone reads it."""
    model_readers = readers(model)
    found = []
    for layer in model.layers:
        reader = _only_reader(model_readers, layer)
        if _is_linear(layer) and reader is not None and _is_norm(reader) and len(reader.inbound_nodes) == 1:
            found.append((layer, reader))
    return found


def _fusable_relus(model: Any, folded: dict[str, Any]) -> dict[str, str]:
    """Name of the linear layer -> name of the ReLU that becomes its activation."""
    model_readers = readers(model)
    fused = {}
    for layer in model.layers:
        if _is_norm(layer) or _is_linear(layer):
            last = folded.get(layer.name, layer)
            reader = _only_reader(model_readers, last)
            if (
                layer not in folded.values()
                and reader is not None
                and _is_relu(reader)
                and len(reader.inbound_nodes) == 1
            ):
                fused[layer.name] = reader.name
    return fused


def _affine(norm: Any) -> tuple[np.ndarray, np.ndarray]:
    gamma = norm.gamma.numpy() if norm.scale else None
    beta = norm.beta.numpy() if norm.center else None
    return scale_and_shift(gamma, beta, norm.moving_mean.numpy(), norm.moving_variance.numpy(), norm.epsilon)


def _folded_weights(layer: Any, norm: Any) -> Arrays:
    scale, shift = _affine(norm)
    kernel, *bias = layer.get_weights()
    if isinstance(layer, keras.layers.DepthwiseConv2D):  # (h, w, channels, multiplier): channels * multiplier outputs
        kernel = kernel * scale.reshape(kernel.shape[2:])
    else:
        kernel = kernel * scale
    return [kernel, shift + (bias[0] * scale if bias else 0.0)]
