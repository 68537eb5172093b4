"""What becomes of each layer of a plain network when it is folded for int8; nothing is rewritten here."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from compress import keras
from compress.quantize.average_pool_as_depthwise import is_small
from compress.quantize.batchnorm_relu_as_max import is_even, reads_by_pixel
from compress.quantize.channel_affine import composed, is_affine
from compress.quantize.hard_swish import factors_behind
from compress.quantize.image_affine import at_the_image
from compress.quantize.move_scales import with_scales_moved
from compress.quantize.pixel_pair_stem import PixelPairs, pixel_pairs
from compress.rewrite import as_plain_layers
from compress.rewrite.graph import input_shape, nodes, only_reader, readers


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


def foldings(model: Any) -> dict[str, Folding]:
    """Name of each linear or affine layer of a plain network -> what becomes of it."""
    model_readers = readers(model)
    foldings_by_name: dict[str, Folding] = {}
    absorbed: set[str] = set()
    for layer in model.layers:  # in order of computation: a chain is seen from its first layer
        if layer.name in absorbed or not (is_linear(layer) or is_affine(layer)):
            continue
        if is_shift(layer) and not ((next_one := only_reader(model_readers, layer)) and is_affine(next_one)):
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
        if is_linear(folding.layer):
            source = calls[folding.layer.name].parent_nodes[0].layer
            alone = type(source).__name__ == "ZeroPadding2D" and only_reader(model_readers, source) is folding.layer
            folding.pairs = pixel_pairs(folding.layer, source if alone else None)
            folding.padding = source if alone and folding.pairs is not None else None
        if folding.relu is not None and not is_linear(folding.layer) and len(input_shape(folding.layer)) == 4:
            behind = model_readers[folding.relu.name]
            readable = all(
                layer is not None and layer.name in foldings_by_name and reads_by_pixel(layer) for layer in behind
            )
            if readable and is_even(folding.line[0]):
                folding.cut = True
                for layer in behind:
                    foldings_by_name[layer.name].reads = folding
    return foldings_by_name


def fates(model: Any) -> dict[str, str]:
    """Name of each layer of a plain network that does not stay as it is -> what becomes of it, in words."""
    model = as_plain_layers(model)
    behind, _ = factors_behind(model, readers(model))
    fate_of = dict.fromkeys(behind, "into the kernels that read the product")
    if (chain := at_the_image(model)) is not None:
        where = f"into {chain.kernel.name}" if chain.kernel is not None else "nothing: together they pass pixels on"
        fate_of |= {layer.name: where for layer in chain.layers}
    for name, folding in foldings(with_scales_moved(model)).items():
        gone = (*folding.norms, folding.relu, folding.padding)
        fate_of |= {layer.name: f"into {name}" for layer in gone if layer is not None}
        if not is_linear(folding.layer):
            fate_of[name] = "threshold" if folding.cut else "1x1 depthwise convolution"
        if folding.pool is not None:
            fate_of[folding.pool.name] = f"depthwise convolution, before {name}"
    pools = [layer for layer in model.layers if type(layer) is keras.layers.AveragePooling2D]
    return {pool.name: "depthwise convolution" for pool in pools if is_small(pool)} | fate_of


def is_linear(layer: Any) -> bool:
    kinds = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.Conv2DTranspose, keras.layers.Dense)
    # by its exact type: a subclass may compute something else
    return type(layer) in kinds and layer.activation is keras.activations.linear and len(layer.inbound_nodes) == 1


def is_shift(layer: Any) -> bool:
    if type(layer) is not keras.layers.Rescaling or np.size(layer.scale) != 1 or np.size(layer.offset) != 1:
        return False
    return float(np.ravel(layer.scale)[0]) == 1.0


def _is_uncapped_relu(layer: Any) -> bool:
    if isinstance(layer, keras.layers.ReLU):
        return layer.max_value is None and not layer.negative_slope and not layer.threshold
    return isinstance(layer, keras.layers.Activation) and layer.activation is keras.activations.relu


def _is_pointwise(layer: Any) -> bool:
    return type(layer) is keras.layers.Conv2D and layer.kernel_size == (1, 1) and layer.strides == (1, 1)


def _is_shrinking_average(layer: Any) -> bool:
    return type(layer) is keras.layers.AveragePooling2D and layer.strides != (1, 1)
