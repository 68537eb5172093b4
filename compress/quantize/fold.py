"""Rewrites a plain network, exactly, so that every layer has an int8 kernel in TFLite.

What scales and shifts channels (``affine``) goes into the convolution before it, which is then the same convolution
with other numbers (Jacob et al., 2018, section 3.2). After a pool or a concatenation, as in DenseNet, it is a 1x1
depthwise convolution with bias. A ReLU that alone reads the result becomes its activation, as in TFLite. An average
pool behind a 1x1 convolution moves before it: both are linear, and the convolution then has fewer pixels to compute.
The rewrite freezes batch statistics. Zeros of a kernel stay zeros.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from compress import keras
from compress.quantize.average_pool_as_depthwise import average_pool, is_small
from compress.quantize.batchnorm_relu_as_max import is_even, moved_into, reads_by_pixel, threshold
from compress.quantize.channel_affine import affine, composed, is_affine
from compress.quantize.hard_swish import factors_behind
from compress.quantize.image_affine import at_the_image, into_first_kernel
from compress.quantize.pixel_pair_stem import PixelPairs, on_pixel_pairs, pixel_pairs
from compress.rewrite import as_plain_layers
from compress.rewrite.graph import clone, copy, input_shape, nodes, only_reader, readers, rebuild, with_weights

Arrays = list[np.ndarray]


@dataclass
class Folding:
    """What becomes of one linear layer: ``norms`` go into it in this order, then ``relu``; ``pool`` moves before it.

    ``cut``: it becomes a threshold, whose factor and shift the convolutions behind it take over. ``reads``: such a one.
    ``pairs``: it reads two pixels at a time, and takes the ``padding`` before it over.
    """

    layer: Any
    norms: list[Any] = field(default_factory=list)
    relu: Any = None
    pool: Any = None
    cut: bool = False
    reads: "Folding | None" = None
    pairs: PixelPairs | None = None
    padding: Any = None

    @cached_property
    def line(self) -> tuple[np.ndarray, np.ndarray]:
        """(scale, shift) of a layer that scales and shifts, and of the norms behind it, together."""
        return composed([self.layer, *self.norms])


def fold(model: Any) -> Any:
    """A functional network of plain layers with the same outputs (to float rounding), all normalizations gone."""
    model = _prepared(as_plain_layers(model))
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
        if name not in foldings_by_name and _is_shift(layer):
            return _shift(layer)
        return _folded(foldings_by_name[name]) if name in foldings_by_name else clone(layer)

    return rebuild(model, replace)


def fates(model: Any) -> dict[str, str]:
    """Name of each layer of a plain network that does not stay as it is -> what becomes of it, in words."""
    model = as_plain_layers(model)
    behind, _ = factors_behind(model, readers(model))
    fate_of = dict.fromkeys(behind, "into the kernels that read the product")
    if (chain := at_the_image(model)) is not None:
        where = f"into {chain.kernel.name}" if chain.kernel is not None else "nothing: together they pass pixels on"
        fate_of |= {layer.name: where for layer in chain.layers}
    for name, folding in foldings(_prepared(model)).items():
        gone = (*folding.norms, folding.relu, folding.padding)
        fate_of |= {layer.name: f"into {name}" for layer in gone if layer is not None}
        if not _is_linear(folding.layer):
            fate_of[name] = "threshold" if folding.cut else "1x1 depthwise convolution"
        if folding.pool is not None:
            fate_of[folding.pool.name] = f"depthwise convolution, before {name}"
    pools = [layer for layer in model.layers if type(layer) is keras.layers.AveragePooling2D]
    return {pool.name: "depthwise convolution" for pool in pools if is_small(pool)} | fate_of


def _prepared(model: Any) -> Any:
    """What scales the image is in the first kernel; scales behind capped ReLUs go on into the kernels that they reach,
    or before the ReLU."""
    model = into_first_kernel(model)
    gone, kernels = factors_behind(model, readers(model))

    def replace(layer: Any, name: str) -> Any:
        if name in gone:
            return None
        if name not in kernels:
            return clone(layer)
        kernel, *others = layer.get_weights()
        return with_weights(copy(layer), [kernel * np.float32(kernels[name]), *others])

    return _scales_before_relus(rebuild(model, replace) if gone else model)


def _scales_before_relus(model: Any) -> Any:
    """s * relu6(x) = min(relu(s * x), 6 s): before the ReLU the scale can go on into a convolution."""
    model_readers = readers(model)
    scaled = {
        layer.name: reader
        for layer in model.layers
        if type(layer).__name__ == "ReLU"
        and not (layer.negative_slope or layer.threshold)
        and type(reader := only_reader(model_readers, layer)).__name__ == "Rescaling"
        and isinstance(reader.scale, float)
        and reader.scale > 0
        and reader.offset == 0
    }
    if not scaled:
        return model
    relus = {scale.name: model.get_layer(relu) for relu, scale in scaled.items()}

    def replace(layer: Any, name: str) -> Any:
        if name in scaled:
            return None
        new = clone(layer)
        if name not in relus:
            return new
        limit = relus[name].max_value
        relu = keras.layers.ReLU(None if limit is None else limit * layer.scale, name=relus[name].name)
        return lambda x: relu(new(x))

    return rebuild(model, replace)


def foldings(model: Any) -> dict[str, Folding]:
    """Name of each linear or affine layer of a plain network -> what becomes of it."""
    model_readers = readers(model)
    foldings_by_name: dict[str, Folding] = {}
    absorbed: set[str] = set()
    for layer in model.layers:  # in order of computation: a chain is seen from its first layer
        if layer.name in absorbed or not (_is_linear(layer) or is_affine(layer)):
            continue
        if _is_shift(layer) and not ((next_one := only_reader(model_readers, layer)) and is_affine(next_one)):
            continue
        folding, last = Folding(layer), layer
        while (reader := only_reader(model_readers, last)) is not None and is_affine(reader):
            folding.norms.append(reader)
            last = reader
        if reader is not None and _is_uncapped_relu(reader):
            folding.relu = reader
        elif reader is not None and _is_pointwise(layer) and _is_shrinking_average(reader):
            folding.pool = reader
        absorbed |= {norm.name for norm in folding.norms}
        foldings_by_name[layer.name] = folding
    calls = {node.layer.name: node for node in nodes(model)}
    for folding in foldings_by_name.values():
        if _is_linear(folding.layer):
            source = calls[folding.layer.name].parent_nodes[0].layer
            alone = type(source).__name__ == "ZeroPadding2D" and only_reader(model_readers, source) is folding.layer
            folding.pairs = pixel_pairs(folding.layer, source if alone else None)
            folding.padding = source if alone and folding.pairs is not None else None
        if folding.relu is not None and not _is_linear(folding.layer) and len(input_shape(folding.layer)) == 4:
            behind = model_readers[folding.relu.name]
            readable = all(
                layer is not None and layer.name in foldings_by_name and reads_by_pixel(layer) for layer in behind
            )
            if readable and is_even(folding.line[0]):
                folding.cut = True
                for layer in behind:
                    foldings_by_name[layer.name].reads = folding
    return foldings_by_name


def _folded(folding: Folding) -> Any:
    """The one layer, unbuilt, that computes the whole folding but for its pool."""
    layer = folding.layer
    activation = {"activation": "relu"} if folding.relu is not None else {}
    if _is_linear(layer):
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


def _is_linear(layer: Any) -> bool:
    kinds = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.Conv2DTranspose, keras.layers.Dense)
    # by its exact type: a subclass may compute something else
    return type(layer) in kinds and layer.activation is keras.activations.linear and len(layer.inbound_nodes) == 1


def _is_shift(layer: Any) -> bool:
    if type(layer) is not keras.layers.Rescaling or np.size(layer.scale) != 1 or np.size(layer.offset) != 1:
        return False
    return float(np.ravel(layer.scale)[0]) == 1.0


def _shift(layer: Any) -> Any:
    from compress.fake_quant import Shift

    return Shift(float(np.ravel(layer.offset)[0]), name=layer.name)


def _is_uncapped_relu(layer: Any) -> bool:
    if isinstance(layer, keras.layers.ReLU):
        return layer.max_value is None and not layer.negative_slope and not layer.threshold
    return isinstance(layer, keras.layers.Activation) and layer.activation is keras.activations.relu


def _is_pointwise(layer: Any) -> bool:
    return type(layer) is keras.layers.Conv2D and layer.kernel_size == (1, 1) and layer.strides == (1, 1)


def _is_shrinking_average(layer: Any) -> bool:
    return type(layer) is keras.layers.AveragePooling2D and layer.strides != (1, 1)


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
