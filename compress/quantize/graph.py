"""Walks a functional network layer by layer and builds it anew, with layers replaced or left out."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from compress import keras
from compress.errors import UserError


def nodes(model: Any) -> Iterator[Any]:
    """The calls of a functional network in order of computation, its inputs left out."""
    if not getattr(model, "_is_graph_network", False):
        raise UserError(f"{model.name} is not a functional network: build it with keras.Model(inputs, outputs)")
    for depth in sorted(model._nodes_by_depth, reverse=True):
        yield from (node for node in model._nodes_by_depth[depth] if not node.is_input)


def readers(model: Any) -> dict[str, list[Any]]:
    """Layer name -> the layers that read its output; the caller of the network is a reader too, None."""
    found: dict[str, list[Any]] = defaultdict(list)
    for node in nodes(model):
        for source in node.parent_nodes:
            found[source.layer.name].append(node.layer)
    for output in model.outputs:
        found[output.node.layer.name].append(None)
    return found


def rebuild(model: Any, replace: Callable[[Any], Any], first: Callable[[Any], Any] | None = None) -> Any:
    """The same graph with every layer put through ``replace``, and every input through the layer ``first(input)``.

    ``replace(layer)`` returns the layer to call in its place, or None where the layer's only input
    passes through unchanged. A shared layer is replaced once and stays shared. Weights are not copied.
    """
    tensors: dict[str, Any] = {}
    for tensor in model.inputs:
        tensors[str(id(tensor))] = keras.Input(tensor.shape[1:], name=tensor.node.layer.name, dtype=tensor.dtype)
    inputs = list(tensors.values())
    if first is not None:
        tensors = {key: first(tensor)(tensor) for key, tensor in tensors.items()}
    replacements: dict[str, Any] = {}
    for node in nodes(model):
        name = node.layer.name
        if name not in replacements:
            replacements[name] = replace(node.layer)
        # map_arguments pops one use of each tensor: it gets lists of its own
        args, kwargs = node.map_arguments(
            {key: [tensors[key]] * node.flat_input_ids.count(key) for key in node.flat_input_ids}
        )
        result = args[0] if replacements[name] is None else replacements[name](*args, **kwargs)
        tensors.update(zip(node.flat_output_ids, keras.tf.nest.flatten(result), strict=True))
    outputs = [tensors[str(id(tensor))] for tensor in model.outputs]
    return keras.Model(inputs, outputs[0] if len(outputs) == 1 else outputs, name=model.name)


def copy(layer: Any, **changes: Any) -> Any:
    """A fresh, unbuilt layer of the same configuration but for ``changes``."""
    return type(layer).from_config({**layer.get_config(), **changes})
