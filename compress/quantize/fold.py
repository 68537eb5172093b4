"""Rewrites a plain network, exactly, so that every layer has an int8 kernel in TFLite.

What scales and shifts channels (``affine``) goes into the convolution before it, which is then the same convolution
with other numbers (Jacob et al., 2018, section 3.2). After a pool or a concatenation, as in DenseNet, it is a 1x1
depthwise convolution with bias. A ReLU that alone reads the result becomes its activation, as in TFLite. An average
pool behind a 1x1 convolution moves before it: both are linear, and the convolution then has fewer pixels to compute.
The rewrite freezes batch statistics. Zeros of a kernel stay zeros.
"""

from typing import Any

import numpy as np

from compress import keras
from compress.quantize.average_pool_as_depthwise import average_pool
from compress.quantize.batchnorm_relu_as_max import moved_into, threshold
from compress.quantize.channel_affine import affine
from compress.quantize.foldings import Folding, foldings, is_linear, is_shift
from compress.quantize.move_scales import with_scales_moved
from compress.quantize.pixel_pair_stem import on_pixel_pairs
from compress.rewrite import as_plain_layers
from compress.rewrite.graph import clone, copy, input_shape, rebuild, with_weights

Arrays = list[np.ndarray]


def fold(model: Any) -> Any:
    """A functional network of plain layers with the same outputs (to float rounding), all normalizations gone."""
    model = with_scales_moved(as_plain_layers(model))
    foldings_by_name = foldings(model)
    gone = {
        layer.name for f in foldings_by_name.values() for layer in (*f.norms, f.relu, f.padding) if layer is not None
    }
    moved = {f.pool.name: f for f in foldings_by_name.values() if f.pool is not None}

    def replace(layer: Any, name: str) -> Any:
        if name in moved:
            pool, convolution = average_pool(layer), _folded(moved[name])
            return lambda x: convolution(pool(x))
        if name in gone or (name in foldings_by_name and foldings_by_name[name].pool is not None):
            return None
        if type(layer) is keras.layers.AveragePooling2D:
            return average_pool(layer)
        if name not in foldings_by_name and is_shift(layer):
            return _shift(layer)
        return _folded(foldings_by_name[name]) if name in foldings_by_name else clone(layer)

    return rebuild(model, replace)


def _folded(folding: Folding) -> Any:
    """The one layer, unbuilt, that computes the whole folding but for its pool."""
    layer = folding.layer
    activation = {"activation": "relu"} if folding.relu is not None else {}
    if is_linear(layer):
        weights = _folded_weights(folding)
        new = copy(layer, use_bias=len(weights) == 2, **activation)
        if folding.pairs is not None:
            pad = folding.padding
            source, rows = (pad.input_shape, pad.padding[0]) if pad is not None else (layer.input_shape, (0, 0))
            return on_pixel_pairs(new, weights, folding.pairs, source[1:], rows)
        return with_weights(new, weights)
    scale, shift = folding.line
    return _threshold(layer, scale, shift) if folding.cut else _depthwise(layer, scale, shift, activation)


def _folded_weights(folding: Folding) -> Arrays:
    """The kernel, and the bias if the layer has or needs one."""
    layer = folding.layer
    kernel, *bias = layer.get_weights()
    if not folding.norms and folding.reads is None:
        return [kernel, *bias]
    shift = bias[0] if bias else np.zeros(_outputs(layer, kernel), np.float32)
    if folding.reads is not None:
        kernel, shift = moved_into(kernel, shift, *folding.reads.line)
    for scale, offset in map(affine, folding.norms):
        kernel, shift = _scaled(layer, kernel, scale), shift * scale + offset
    return [kernel, shift]


def _threshold(layer: Any, scale: np.ndarray, shift: np.ndarray) -> Any:
    from compress.fake_quant import Threshold

    rising = np.where(scale < 0, -1, 1).astype(np.float32)
    new = Threshold(bool((rising < 0).any()), trainable=layer.trainable, name=layer.name)
    return with_weights(new, [threshold(scale, shift)[None, None, None], rising[None, None, None]])


def _depthwise(layer: Any, scale: np.ndarray, shift: np.ndarray, activation: dict[str, str]) -> Any:
    """A 1x1 depthwise convolution in the layer's place; what is no map becomes one for it."""
    new = keras.layers.DepthwiseConv2D(1, use_bias=True, trainable=layer.trainable, name=layer.name, **activation)
    new = with_weights(new, [scale[None, None, :, None], shift])
    shape = input_shape(layer)[1:]
    if len(shape) == 3:
        return new
    as_map = keras.layers.Reshape((1, int(np.prod(shape[:-1])), shape[-1]), name=f"{layer.name}_as_map")
    back = keras.layers.Reshape(shape, name=f"{layer.name}_back")
    return lambda x, **_: back(new(as_map(x)))  # a batch norm can be called with training=False


def _shift(layer: Any) -> Any:
    from compress.fake_quant import Shift

    return Shift(float(np.ravel(layer.offset)[0]), name=layer.name)


def _outputs(layer: Any, kernel: np.ndarray) -> int:
    if isinstance(layer, keras.layers.DepthwiseConv2D):  # (h, w, channels, multiplier)
        return int(np.prod(kernel.shape[2:]))
    return kernel.shape[-2 if isinstance(layer, keras.layers.Conv2DTranspose) else -1]


def _scaled(layer: Any, kernel: np.ndarray, scale: np.ndarray) -> np.ndarray:
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        return kernel * scale.reshape(kernel.shape[2:])
    if isinstance(layer, keras.layers.Conv2DTranspose):  # (h, w, out, in)
        return kernel * scale[:, None]
    return kernel * scale
