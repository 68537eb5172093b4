"""The end of a network: the layers behind its last kernel."""

from typing import Any

from compress.rewrite.graph import nodes
from compress.rewrite.layer_kinds import known_of


def ends(folded: Any) -> list[str]:
    """Names of the layers that give the outputs, back to the last one with a kernel on each way, with that one."""
    sources = {
        node.layer.name: (node.layer, [parent.layer.name for parent in node.parent_nodes]) for node in nodes(folded)
    }
    found: list[str] = []
    waiting = [output.node.layer.name for output in folded.outputs]
    while waiting:
        name = waiting.pop()
        if name in found or name not in sources:  # an input
            continue
        found.append(name)
        layer, before = sources[name]
        if not known_of(layer).has_kernel:
            waiting += before
    return found


def biases_at_the_end(aware: Any) -> list[Any]:
    """The variables that are added last, to each output: of a network of one output, or of several, one each.

    ``aware``: of ``qat.quantization_aware``, or any other. Empty where one has none.
    """
    sources = {
        node.layer.name: (node.layer, [parent.layer.name for parent in node.parent_nodes]) for node in nodes(aware)
    }
    biases = []
    for output in aware.outputs:
        name: str | None = output.node.layer.name
        while name in sources:
            layer, before = sources[name]
            inner = getattr(layer, "layer", layer)
            if getattr(inner, "bias", None) is not None:
                biases.append(inner.bias)
                break
            name = before[0] if len(before) == 1 else None
        else:
            return []
    return biases
