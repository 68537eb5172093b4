"""A head on maps of features of a network that was made for classes."""

from __future__ import annotations

from typing import Any

from compress import keras
from compress.errors import UserError
from compress.models.head import Head
from compress.rewrite.graph import nodes

WITHOUT_MAPS = frozenset(["inceptionv3", "inceptionresnetv2"])
"""Networks whose convolutions leave out the borders, so that no map has a whole number of pixels a cell."""


def with_head(network: keras.Model, head: Head) -> keras.Model:
    """``head`` on the network's last map at each of its strides; of a single one on the map of the largest stride that
    is no larger. What is behind the last of these maps is left out.

    A map is what all the layers behind it read, such as the end of a block; where there is none at a stride, as in
    NASNet, whose cells read two cells before, the last sum or concatenation there. Raises UserError for a network
    without such a map.
    """
    maps = _maps(network, max(head.STRIDES))
    alone = _read_alone(network)
    if len(head.STRIDES) > 1:
        for stride in head.STRIDES:
            if stride not in {own for own, _ in maps}:
                raise UserError(f"{network.name} has no feature map with one cell per {stride}x{stride} pixels")
        outputs = head([_last(maps, stride, alone) for stride in head.STRIDES])
    else:
        if not maps:
            raise UserError(f"{network.name} has no feature map whose cells are a whole number of pixels wide")
        stride = max(stride for stride, _ in maps)
        outputs = head(_last(maps, stride, alone), stride)
    return keras.Model(network.inputs[0], outputs, name=network.name)


def _last(maps: list[tuple[int, Any]], stride: int, alone: set[str]) -> Any:
    """The last map at a stride, as a tensor: see ``with_head``."""
    layers = [layer for own, layer in maps if own == stride]
    merges = [layer for layer in layers if isinstance(layer, (keras.layers.Add, keras.layers.Concatenate))]
    return ([layer for layer in layers if layer.name in alone] or merges or layers)[-1].output


def _maps(network: keras.Model, most: int) -> list[tuple[int, Any]]:
    """(stride of at most so many pixels, layer) of each layer that gives a map of that stride, in order of
    computation."""
    height, width = network.input_shape[1:3]
    maps = []
    for node in nodes(network):
        shape = node.layer.output_shape if isinstance(node.layer.output_shape, tuple) else ()
        if len(shape) != 4 or None in shape[1:] or height % shape[1]:
            continue
        stride = height // shape[1]
        if 1 < stride <= most and shape[2] * stride == width:
            maps.append((stride, node.layer))
    return maps


def _read_alone(network: keras.Model) -> set[str]:
    """Names of the layers that every way from the input to the output goes through."""
    calls = list(nodes(network))
    ways_to: dict[int, int] = {}
    for node in calls:
        ways_to[id(node)] = sum(1 if parent.is_input else ways_to[id(parent)] for parent in node.parent_nodes)
    last = network.outputs[0].node
    ways_from: dict[int, int] = dict.fromkeys(ways_to, 0)
    ways_from[id(last)] = 1
    for node in reversed(calls):
        for parent in node.parent_nodes:
            if not parent.is_input:
                ways_from[id(parent)] += ways_from[id(node)]
    every = ways_to[id(last)]
    return {node.layer.name for node in calls if ways_to[id(node)] * ways_from[id(node)] == every}
