"""What is added last to the outputs of a network."""

from typing import Any

from compress.rewrite.graph import nodes


def last_biases(network: Any) -> list[Any]:
    """The variables that are added last, one for each output: the bias of its last layer with weights, or the shift of
    a batch norm. Empty where an output has none. ``network`` may be one of ``quantize.qat.quantization_aware``.
    """
    calls = [(node.layer, [parent.layer.name for parent in node.parent_nodes]) for node in nodes(network)]
    sources = {layer.name: (layer, before) for layer, before in calls}
    biases = [_bias(output.node.layer.name, sources) for output in network.outputs]
    return [] if any(bias is None for bias in biases) else biases


def _bias(name: str, sources: dict[str, tuple[Any, list[str]]]) -> Any | None:
    while name in sources:
        layer, before = sources[name]
        inner = getattr(layer, "layer", layer)
        bias = getattr(inner, "bias", None)
        bias = getattr(inner, "beta", None) if bias is None else bias
        if bias is not None or inner.weights or len(before) != 1:
            return bias
        (name,) = before
    return None
