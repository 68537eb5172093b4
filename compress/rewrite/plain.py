"""A network -> the same one of plain layers; weights are kept, and it trains as before."""

from typing import Any

from compress.errors import UserError
from compress.rewrite import layers
from compress.rewrite.graph import clone, gives_integers, is_functional, rebuild
from compress.rewrite.layer_kinds import KINDS, UNKNOWN, kind_of_class
from compress.rewrite.refuse import refusals


def as_plain_layers(model: Any) -> Any:
    """Opens nested networks and puts every layer through its rule; the outputs stay the same, to float rounding.

    ``model`` itself is returned where there is nothing to do. Raises UserError that names the layers whose inside
    cannot be seen.
    """
    if refused := refusals(model):
        raise UserError("; ".join(f"layer {name!r} {reason}" for name, reason in refused.items()))
    if any(rule(layer, layer.name) is not layers.KEEP for layer in model.layers):
        model = rebuild(model, lambda layer, name: _replacement(rule(layer, name), layer, name))
    return model


def rule(layer: Any, name: str) -> Any:
    """What takes the layer's place, as in ``layers``; KEEP where it stays as it is."""
    if is_functional(layer):
        return None
    if gives_integers(layer):
        return layers.KEEP
    rewrite = KINDS.get(kind_of_class(layer), UNKNOWN).rewrite
    return rewrite(layer, name) if rewrite else layers.KEEP


def _replacement(rewritten: Any, layer: Any, name: str) -> Any:
    return clone(layer, name=name) if rewritten is layers.KEEP else rewritten
