"""The end of a network: the layers behind its last kernel."""

from typing import Any

from compress.rewrite.graph import nodes
from compress.rewrite.layer_kinds import known_of


def ends(folded: Any) -> list[str]:
    """Names of the layers that give the outputs, back to the last one with a kernel on each way, with that one."""
    sources = _sources(folded)
    names: list[str] = []
    waiting = [output.node.layer.name for output in folded.outputs]
    while waiting:
        name = waiting.pop()
        if name in names or name not in sources:  # an input
            continue
        names.append(name)
        layer, before = sources[name]
        if not known_of(layer).has_kernel:
            waiting += before
    return names


def biases_at_the_end(network: Any) -> list[Any]:
    """The variables that are added last, one for each output: the bias of its last kernel, or the shift of a batch norm
    behind that. Empty where an output has none. ``network`` may be one of ``qat.quantization_aware``.
    """
    sources = _sources(network)
    biases = []
    for output in network.outputs:
        bias = _bias(output.node.layer.name, sources)
        if bias is None:
            return []
        biases.append(bias)
    return biases


def _bias(name: str, sources: dict[str, tuple[Any, list[str]]]) -> Any | None:
    while name in sources:
        layer, before = sources[name]
        inner = getattr(layer, "layer", layer)
        bias = getattr(inner, "bias", None)
        bias = getattr(inner, "beta", None) if bias is None else bias
        if bias is not None or known_of(inner).has_kernel or len(before) != 1:
            return bias
        (name,) = before
    return None


def _sources(network: Any) -> dict[str, tuple[Any, list[str]]]:
    """Name of a layer -> (the layer, the names of those that it reads)."""
    return {
        node.layer.name: (node.layer, [parent.layer.name for parent in node.parent_nodes]) for node in nodes(network)
    }
