"""Layers that compute y = scale * x + shift per channel in inference, whatever they are called."""

from collections.abc import Iterable
from typing import Any

from compress.rewrite.channel_lines import Line
from compress.rewrite.graph import input_shape
from compress.rewrite.layer_kinds import known_of


def is_affine(layer: Any) -> bool:
    """Whether the layer computes just that."""
    line = known_of(layer).channel_line
    return bool(line and isinstance(input_shape(layer), tuple) and input_shape(layer)[-1] and line(layer))


def affine(layer: Any) -> Line:
    """(scale, shift), each (channels,) float32, of a layer for which ``is_affine`` is true."""
    line = known_of(layer).channel_line
    values = None if line is None else line(layer)
    assert values is not None
    return values


def composed(layers: Iterable[Any]) -> Line:
    """(scale, shift) of affine layers one behind the other, together."""
    first, *others = map(affine, layers)
    scale, shift = first
    for factor, offset in others:
        scale, shift = scale * factor, shift * factor + offset
    return scale, shift
