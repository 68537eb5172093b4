"""The int8 .tflite of a float network, for its latency: ranges come from a few examples, nothing is trained."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from compress import fake_quant, keras
from compress.export import convert
from compress.narrow.operators import Operator, operators
from compress.narrow.trace import Numbers, Trace, channels_of, trace
from compress.quantize.fold import fold
from compress.quantize.qat import quantization_aware
from compress.rewrite.graph import nodes
from compress.tasks import Output


def int8_file(
    network: Any, examples: Sequence[np.ndarray], outputs: Sequence[Output], ends_in_float: bool = False
) -> bytes:
    """What the stages quantize and export make of the network: the same operators, of the same shapes.

    ``ends_in_float``: as for ``quantization_aware``.
    """
    quantized = quantization_aware(network, examples, ends_in_float=ends_in_float)
    fake_quant.freeze_quantized_kernels(quantized)
    return convert.Converter(quantized, outputs=outputs).dense()


def file_and_operators(
    network: Any,
    traced: Trace,
    examples: Sequence[np.ndarray],
    outputs: Sequence[Output],
    ends_in_float: bool = False,
) -> tuple[bytes, list[Operator]]:
    """(the network's int8 file, its operators, with the channels by the numbers of the trace)."""
    content = int8_file(network, examples, outputs, ends_in_float)
    return content, operators(content, channels_in_file(network, traced), ~traced.is_pinned)


def channels_in_file(network: Any, traced: Trace) -> dict[str, Numbers]:
    """Name of a layer as int8 has it -> the channels of its output, by the numbers of the network's own trace.

    What the rewrite makes of the input, such as pairs of pixels, has a number that is pinned.
    """
    folded = fold(network)
    rewritten = trace(folded, made=traced.made)
    pinned = int(np.flatnonzero(traced.is_pinned)[0])
    result: dict[str, Numbers] = {}
    for node in nodes(folded):
        for tensor in keras.tf.nest.flatten(node.outputs):
            numbers = rewritten.tensors[str(id(tensor))]
            result.setdefault(node.layer.name, _known(numbers, traced.count, pinned))
    return result


def _known(numbers: Numbers, count: int, pinned: int) -> Numbers:
    vector = channels_of(numbers)
    if vector is None:
        return np.where(numbers < count, numbers, pinned)
    return np.broadcast_to(np.where(vector < count, vector, pinned), numbers.shape)
