"""What is added last to the outputs of a network."""

from typing import Any

from compress.rewrite.graph import sources


def last_biases(network: Any) -> list[Any]:
    """The variables that are added last, one for each output: the bias of its last layer with weights, or the shift of
    a batch norm. Empty where an output has none. ``network`` may be one of ``quantize.qat.quantization_aware``.
    """
    reads_of = sources(network)
    biases = [_bias(output.node.layer.name, reads_of) for output in network.outputs]
    return [] if any(bias is None for bias in biases) else biases


def _bias(name: str, reads_of: dict[str, tuple[Any, list[str]]]) -> Any | None:
    while name in reads_of:
        layer, before = reads_of[name]
        inner = getattr(layer, "layer", layer)
        bias = getattr(inner, "bias", None)
        bias = getattr(inner, "beta", None) if bias is None else bias
        if bias is not None or inner.weights or len(before) != 1:
            return bias
        (name,) = before
    return None
