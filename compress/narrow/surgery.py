"""Builds a network again without some of its channels: the same layers, with slices of their weights."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from compress import keras
from compress.narrow.trace import Trace, channels_of, parts_of
from compress.rewrite.channels import Axis
from compress.rewrite.graph import clone, copy, rebuild, with_weights
from compress.rewrite.layer_kinds import kind_of_class, known_of


def narrowed(model: Any, trace: Trace, removed: Iterable[int]) -> Any:
    """The network without the channels ``removed``, numbers of its ``trace`` of which none is pinned.

    It computes what ``model`` computes where all kernels that read these channels are zero there, to float rounding.
    """
    stays = np.ones(trace.count, bool)
    stays[np.fromiter(removed, int)] = False
    if not stays[trace.is_pinned].all():
        raise ValueError("a pinned channel cannot be removed")
    return rebuild(model, lambda layer, name: _narrowed_layer(layer, trace, stays))


def _narrowed_layer(layer: Any, trace: Trace, stays: np.ndarray) -> Any:
    rule = known_of(layer).channels
    if (remade := REMADE.get(kind_of_class(layer))) is not None and _is_followed(layer, trace):
        return remade(layer, trace, stays)
    if layer.name not in trace.given or rule is None:
        return clone(layer)
    given, made = stays[trace.given[layer.name]], stays[trace.made[layer.name]]
    if given.all() and made.all():
        return clone(layer)
    changes = {
        key: _setting(layer.get_config()[key], {"in": given, "out": made}[axis])
        for key, axis in rule.settings.items()
        if axis
    }
    if layer.name in trace.whole_groups:
        changes["groups"] = layer.groups * int(given.sum()) // len(given)
    attributes = {
        id(getattr(layer, name)): axes for name, axes in rule.weights.items() if getattr(layer, name, None) is not None
    }
    weights = [_sliced(layer, weight, attributes[id(weight)], trace, given, made) for weight in layer.weights]
    return with_weights(copy(layer, **changes), weights)


def _is_followed(layer: Any, trace: Trace) -> bool:
    """Whether channels that may go pass through the layer."""
    tensors = [tensor for node in layer.inbound_nodes for tensor in (*node.keras_inputs,)]
    return not all(trace.is_pinned[trace.tensors[str(id(tensor))]].all() for tensor in tensors)


def _setting(value: Any, stays: np.ndarray) -> Any:
    """A number of channels, or a number for each of them; one for all stays."""
    if isinstance(value, int) and value == len(stays):
        return int(stays.sum())
    return np.ravel(value)[stays].tolist() if np.size(value) == len(stays) else value


def _sliced(
    layer: Any, weight: Any, axes: tuple[Axis, ...], trace: Trace, given: np.ndarray, made: np.ndarray
) -> np.ndarray:
    """A weight without the channels that go."""
    values: np.ndarray = weight.numpy()
    groups = getattr(layer, "groups", 1) if len(axes) > 1 else 1
    if groups > 1:  # a kernel of (height, width, channels of a group, outputs of all groups)
        parts = zip(np.split(values, groups, axis=-1), np.split(given, groups), np.split(made, groups), strict=True)
        kept = [part[..., reads, :][..., gives] for part, reads, gives in parts if reads.any()]
        return np.concatenate(kept, axis=-1)
    for axis, role in zip(range(values.ndim - len(axes), values.ndim), axes, strict=True):
        mask = {"in": given, "out": made, "": None}[role]
        if mask is not None and values.shape[axis] == len(mask):
            values = np.compress(mask, values, axis)
    return values


def _reshape(layer: Any, trace: Trace, stays: np.ndarray) -> Any:
    """To what is left of the shape; open sides stay open."""
    node = layer.inbound_nodes[0]
    left = stays[trace.tensors[str(id(node.outputs))]]
    narrow = [int(np.any(left, axis=_others(axis, left.ndim)).sum()) for axis in range(left.ndim)]
    sides = [now if side is not None else -1 for now, side in zip(narrow, node.outputs.shape[1:], strict=True)]
    reshape = keras.layers.Reshape(sides, name=layer.name)
    return lambda x, *_, **__: reshape(x)


def _others(axis: int, rank: int) -> tuple[int, ...]:
    return tuple(other for other in range(rank) if other != axis)


def _cut(layer: Any, trace: Trace, stays: np.ndarray) -> Any:
    """The same parts of the channels that are left."""
    node = layer.inbound_nodes[0]
    left = stays[channels_of(trace.tensors[str(id(node.keras_inputs[0]))])]
    if left.all():
        return clone(layer)
    whole = parts_of(node) or []
    if all(part == (0, len(left)) for part in whole):
        return clone(layer)
    parts = [(int(left[:start].sum()), int(left[:stop].sum())) for start, stop in whole]
    is_list = isinstance(node.outputs, (list, tuple))

    def call(x: Any, *_: Any, **__: Any) -> Any:
        results = [x[..., start:stop] for start, stop in parts]
        return results if is_list else results[0]

    return call


# kinds of layers that are made with numbers of channels -> what takes their place
REMADE: dict[str, Callable[[Any, Trace, np.ndarray], Any]] = {
    "Reshape": _reshape,
    "tf.reshape": _reshape,
    "tf.split": _cut,
    "SlicingOpLambda": _cut,
}
