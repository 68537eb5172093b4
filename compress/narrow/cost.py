"""What a network costs, as a function of how many channels each of its layers has: the sum of simple terms."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from compress.narrow.trace import Trace
from compress.rewrite.layer_kinds import weights_with_channels

Widths = tuple[int, ...]


@dataclass(frozen=True)
class Term:
    """``value`` of the numbers of channels along some axes."""

    axes: tuple[np.ndarray, ...]
    """The channels of each axis, by number."""
    value: Callable[[Widths], float]

    def at(self, stays: np.ndarray) -> float:
        """Its value where ``stays`` is True for the channels, by number, that are left."""
        return self.value(tuple(int(stays[axis].sum()) for axis in self.axes))


def total(terms: Iterable[Term], stays: np.ndarray) -> float:
    """The sum of the terms where ``stays`` is True for the channels, by number, that are left."""
    return sum(term.at(stays) for term in terms)


def whole(terms: Iterable[Term]) -> float:
    """The sum of the terms with all channels."""
    return sum(term.value(tuple(len(axis) for axis in term.axes)) for term in terms)


def carried(terms: Iterable[Term], before: Trace, stays: np.ndarray, after: Trace) -> list[Term]:
    """The same terms of the network without some channels, by the numbers of its own trace ``after``.

    ``stays``: True for the numbers of ``before`` that are left. Numbers that no layer has are pinned ones.
    """
    number_of = np.full(before.count, int(np.flatnonzero(after.is_pinned)[0]))
    for old, new in ((before.given, after.given), (before.made, after.made)):
        for name, channels in old.items():
            number_of[channels[stays[channels]]] = new[name]
    return [Term(tuple(number_of[axis[stays[axis]]] for axis in term.axes), term.value) for term in terms]


def parameters(model: Any, trace: Trace) -> list[Term]:
    """How many floating-point weights the network has."""
    return [
        Term(axes, _product(rest))
        for layer in model.layers
        for weight in layer.weights
        for axes, rest in [_axes(layer, weight, trace)]
        if weight.dtype.is_floating
    ]


def macs(model: Any, trace: Trace) -> list[Term]:
    """Multiplications and additions of convolutions and dense layers for one example; other layers count 0."""
    terms = []
    for layer in model.layers:
        for number in range(len(layer.inbound_nodes)):
            name = _kernel(layer)
            if name is None:
                continue
            shapes = [layer.get_input_shape_at(number), layer.get_output_shape_at(number)]
            of_source = type(layer).__name__ == "Conv2DTranspose"
            places = int(np.prod([side or 1 for side in shapes[0 if of_source else 1][1:-1]]))
            axes, rest = _axes(layer, getattr(layer, name), trace)
            terms.append(Term(axes, _product(rest * places)))
    return terms


COUNTED = {"parameters": parameters, "flops": macs}
"""What can be counted without a measurement, by the name of the target."""


def _kernel(layer: Any) -> str | None:
    return next((name for name in weights_with_channels(layer) if "kernel" in name), None)


def _axes(layer: Any, weight: Any, trace: Trace) -> tuple[tuple[np.ndarray, ...], float]:
    """The channels along a weight's axes, and the product of the other sides."""
    known = weights_with_channels(layer).items()
    roles = next((axes for name, axes in known if getattr(layer, name, None) is weight), ())
    sides = [int(side) for side in weight.shape]
    if layer.name not in trace.given or not roles:
        return (), float(np.prod(sides))
    axes: list[np.ndarray] = []
    rest = float(np.prod(sides[: len(sides) - len(roles)]))
    groups = getattr(layer, "groups", 1)
    for side, role in zip(sides[len(sides) - len(roles) :], roles, strict=True):
        channels = {"in": trace.given, "out": trace.made, "": {}}[role].get(layer.name)
        if channels is not None and len(channels) == side:
            axes.append(channels)
        elif channels is not None and groups > 1 and layer.name not in trace.whole_groups:
            axes.append(channels)
            rest /= groups
        else:
            rest *= side
    return tuple(axes), rest


def _product(rest: float) -> Callable[[Widths], float]:
    def value(widths: Widths) -> float:
        return rest * float(np.prod(widths))

    return value
