"""Tensors of a .tflite file are called "network/layer/operation" by the layer that computes them, and no other way.

TensorFlow's own titles cannot be told apart: "net/conv_1/Conv2D" is the layer "conv_1" or the second call of "conv",
and "net/a/b/add" is "a", "a/b", or the layer "add" of the network "net/a". So a network is traced with a mark in the
place of each name, and the marks in the file are put back into names, "/" as ">": "net/stem>conv/Conv2D".
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from compress.rewrite.graph import is_functional, named

EXACT = "jetslim: tensors are network/layer/operation, with > for / in a name"
MARK = re.compile(r"(?:layer|network)(\d+)\.[^/]*/")
# "layer/operation", or "layer/scope/operation" with a scope within it
OPERATION = re.compile(r"(.+?)/((?:BiasAdd|FixedQuantize|Gelu|Tensordot|batchnorm|moments)/.+|[^/]+)$")


@contextmanager
def marked(model: Any) -> Iterator[list[str]]:
    """Traces made inside name layers by marks; gives the title of each mark's number."""
    named = [(model, escaped(model.name)), *_layers(model)]
    original_names = [layer._name for layer, _ in named]
    for number, (layer, _) in enumerate(named):
        layer._name = f"{'layer' if number else 'network'}{number}."
    try:
        yield [title for _, title in named]
    finally:
        for (layer, _), name in zip(named, original_names, strict=True):
            layer._name = name


def _layers(model: Any) -> Iterator[tuple[Any, str]]:
    """(layer, title) of every layer; of nested networks and theirs, too, as "outer>inner"."""
    for name, layer in named(model):
        if type(layer).__name__ == "QuantizeWrapperV2":
            yield layer, f"quant_{escaped(layer.layer.name)}"
        else:  # a layer of the user's that is called like a wrapper: as if it lay in a network without a name
            yield layer, f">{escaped(name)}" if name.startswith("quant_") else escaped(name)
    yield from ((network, escaped(network.name)) for network in _nested(model))


def _nested(model: Any) -> Iterator[Any]:
    for layer in filter(is_functional, model.layers):
        yield layer
        yield from _nested(layer)


def escaped(name: str) -> str:
    """A layer's name as one part of a title."""
    return name.replace("/", ">").replace(";", ">")


def unmarked(title: str, titles: list[str]) -> str:
    """A title of marks -> of names; of layers in layers, the innermost one counts."""
    return ";".join(_unmarked(part, titles) for part in title.split(";"))


def _unmarked(part: str, titles: list[str]) -> str:
    marks = list(MARK.finditer(part))
    if not marks:
        return part
    layer = [titles[int(mark[1])] for mark in marks[-1:] if int(mark[1])]
    return "/".join([titles[0], *layer, part[marks[-1].end() :]])


def layers_of(title: str, exact: bool = False) -> tuple[str, ...]:
    """The layers that a tensor's title names as those that compute it; ``exact``: of a file of ours.

    In a title, the last operation comes first.

    >>> layers_of("net/quant_relu6/Relu6;net/quant_block/conv/Conv2D;net/pad/Pad1")
    ('block/conv', 'relu6')
    >>> layers_of("net/quant_block>conv/Conv2D", exact=True)
    ('block/conv',)
    """
    # a pad only moves values; a weight's name may be another layer's, where the two are equal
    parts = [part for part in _parts(title, exact) if not re.match(r"Pad\d*$|.*ReadVariableOp", part[1])]
    return tuple(dict.fromkeys(layer for layer, _ in parts))


def all_layers_of(title: str) -> set[str]:
    """Every layer that the title of a tensor in a file of ours names."""
    return {layer for layer, _ in _parts(title, exact=True)}


def _parts(title: str, exact: bool) -> Iterator[tuple[str, str]]:
    """(layer, operation) of each part that names a layer."""
    for part in reversed(title.split(";")):
        rest = part.partition("/")[2]
        layer, slash, operation = rest.partition("/")
        if not exact:
            matched = OPERATION.match(rest)
            layer, slash, operation = (matched[1], "/", matched[2]) if matched else ("", "", "")
        if slash:
            yield layer.removeprefix("quant_").removeprefix(">").replace(">", "/"), operation
