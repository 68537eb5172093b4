"""The end of a network: the layers behind its last kernel."""

from typing import Any

from compress.rewrite.graph import sources
from compress.rewrite.layer_kinds import known_of


def ends(folded: Any) -> list[str]:
    """Names of the layers that give the outputs, back to the last one with a kernel on each way, with that one."""
    reads_of = sources(folded)
    names: list[str] = []
    waiting = [output.node.layer.name for output in folded.outputs]
    while waiting:
        name = waiting.pop()
        if name in names or name not in reads_of:  # an input
            continue
        names.append(name)
        layer, before = reads_of[name]
        if not known_of(layer).has_kernel:
            waiting += before
    return names
