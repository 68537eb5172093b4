"""How each layer of a folded network computes in int8, or why it computes in float (``rewrite.layer_kinds``)."""

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatch
from typing import Any

from compress.errors import UserError, unknown
from compress.quantize.ends import ends
from compress.rewrite.graph import gives_integers, input_shape, nodes, only_readers, readers
from compress.rewrite.layer_kinds import INTEGERS, MOVES, Int8, Range, kind, known_of, known_of_activation, layer_within
from compress.rewrite.layers import activation_name

ASKED = "keep_float asks for it"
SUMMED = "the sum of what it gives counts, in which rounding would add up"
SupportByLayer = dict[str, Int8 | str]
"""Name of a layer -> how it computes in int8, or why it computes in float."""


def support(layer: Any) -> Int8 | str:
    """How a layer of a folded network computes in int8, or why it computes in float."""
    if gives_integers(layer):
        return INTEGERS
    how = known_of(layer).int8
    if callable(how):
        how = how(layer_within(layer))
    return how or f"there is no int8 rule for {kind(layer)}"


def fixed_range(layer: Any) -> Range | None:
    """The range of the grid that TFLite prescribes for what a layer ends in, int8 or not; None where it is free."""
    how = support(layer)
    if isinstance(how, Int8):
        return how.fixed
    ending = known_of_activation(layer).int8
    return ending.fixed if isinstance(ending, Int8) else None


def layers_in_int8(folded: Any, keep_float: Sequence[str] = (), ends_in_float: bool = False) -> SupportByLayer:
    """Name of each layer of a folded network -> how it computes in int8, or why it computes in float.

    ``keep_float``: names or patterns of layers. ``ends_in_float``: the last layer with a kernel is to compute in float,
    and what is behind it. Raises UserError for a pattern that no layer matches.
    """
    summed = ends(folded) if ends_in_float else []
    names = [layer.name for layer in folded.layers]
    for pattern in keep_float:
        if not any(fnmatch(name, pattern) for name in names):
            raise UserError(f"keep_float: {unknown('layer', pattern, names)}")
    support_by_layer: SupportByLayer = {}
    for layer in folded.layers:
        wanted, how = any(fnmatch(layer.name, pattern) for pattern in keep_float), support(layer)
        alone = known_of(layer).idle or (isinstance(how, Int8) and how.integers)
        support_by_layer[layer.name] = ASKED if wanted and not alone else SUMMED if layer.name in summed else how
    support_by_layer |= _idle(folded, support_by_layer)
    model_readers = readers(folded)
    fused: set[str] = set()
    for layer in folded.layers:
        read_by, how = only_readers(model_readers, layer), support_by_layer[layer.name]
        if not read_by or not all(fuses_relu(layer, reader) for reader in read_by):
            continue
        if isinstance(how, Int8) and all(isinstance(support_by_layer[reader.name], Int8) for reader in read_by):
            fused |= {reader.name for reader in read_by}
            support_by_layer[layer.name] = replace(how, no_output_quantizer=True)
    for layer in folded.layers:
        how = support_by_layer[layer.name]
        if isinstance(how, Int8) and not how.fixed and layer.name not in fused and _is_relu_on_map(layer):
            support_by_layer[layer.name] = replace(how, same_scale=True, relu_as_max_pool=True)
    return support_by_layer


def _idle(folded: Any, support_by_layer: SupportByLayer) -> SupportByLayer:
    """Name of each layer that does nothing in inference -> how it computes: in float, where all that it reads does."""
    idle_layers: SupportByLayer = {}
    for node in nodes(folded):
        if known_of(node.layer).idle:
            (source,) = {parent.layer.name: parent for parent in node.parent_nodes}.values()
            how = MOVES if source.is_input else {**support_by_layer, **idle_layers}[source.layer.name]
            before = idle_layers.get(node.layer.name, how)  # of another call
            idle_layers[node.layer.name] = how if isinstance(how, str) and isinstance(before, str) else MOVES
    return idle_layers


def fuses_relu(layer: Any, reader: Any) -> bool:
    """Whether TFLite computes the ReLU ``reader``, which alone reads ``layer``, in the layer's own operator."""
    return known_of(layer).fuses_relu and activation_name(layer) == "linear" and _is_relu_of_any_cap(reader)


def _is_relu_of_any_cap(layer: Any) -> bool:
    if type(layer).__name__ == "ReLU":
        return not layer.threshold and not layer.negative_slope
    return type(layer).__name__ == "Activation" and activation_name(layer) == "relu"


def _is_relu_on_map(layer: Any) -> bool:
    return _is_relu_of_any_cap(layer) and len(input_shape(layer)) == 4
