"""Walks a functional network layer by layer and builds it anew, with layers replaced or left out."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from compress import keras
from compress.errors import UserError


def is_functional(layer: Any) -> bool:
    """Whether its layers can be seen: a functional or Sequential network, nested in another or not."""
    return bool(getattr(layer, "_is_graph_network", False))


def keras_kind(layer: Any) -> str:
    """The name of a layer's class, by which rules know it; with its module for a class of the user's own."""
    kind = type(layer)
    known = kind.__module__.startswith(("tf_keras.", "compress."))
    return kind.__name__ if known else f"{kind.__module__}.{kind.__name__}"


def input_shape(layer: Any) -> Any:
    """The shape that a layer reads, batch first; of a layer called on several shapes, None for what differs.

    A layer of several inputs has a list of shapes.
    """
    shapes = [layer.get_input_shape_at(number) for number in range(len(layer.inbound_nodes))]
    if not shapes or not all(isinstance(shape, tuple) and len(shape) == len(shapes[0]) for shape in shapes):
        return shapes[0] if shapes else ()
    return tuple(sides[0] if len(set(sides)) == 1 else None for sides in zip(*shapes, strict=True))


def nodes(model: Any) -> Iterator[Any]:
    """The calls of a functional network in order of computation, its inputs left out."""
    if not is_functional(model):
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


def only_reader(model_readers: dict[str, list[Any]], layer: Any) -> Any:
    """The one layer that reads this layer's one output, once; None where there are several or the caller reads it."""
    found = model_readers[layer.name]
    if len(found) != 1 or len(layer.inbound_nodes) != 1 or found[0] is None or len(found[0].inbound_nodes) != 1:
        return None
    return found[0]


# (layer, its name in the rebuilt network) -> what to call in its place, or None to pass its first input through
Replace = Callable[[Any, str], Callable[..., Any] | None]


def rebuild(model: Any, replace: Replace, first: Callable[[Any], Any] | None = None) -> Any:
    """The same graph with every layer put through ``replace``, and every input through the layer ``first(input)``.

    Nested networks are opened: their layers become the network's own, called "outer/inner". A shared layer is
    replaced once and stays shared. Weights are not copied.
    """
    inputs = [keras.Input(tensor.shape[1:], name=tensor.node.layer.name, dtype=tensor.dtype) for tensor in model.inputs]
    fed = inputs if first is None else [first(tensor)(new) for tensor, new in zip(model.inputs, inputs, strict=True)]
    outputs = _trace(model, fed, replace, {}, "")
    return keras.Model(inputs, outputs[0] if len(outputs) == 1 else outputs, name=model.name)


def _trace(model: Any, fed: list[Any], replace: Replace, replaced: dict[int, Any], prefix: str) -> list[Any]:
    """The outputs of ``model`` called on the tensors ``fed``; ``replaced`` holds what took a layer's place, by id."""
    tensors = {str(id(tensor)): new for tensor, new in zip(model.inputs, fed, strict=True)}
    for node in nodes(model):
        layer = node.layer
        args, kwargs = arguments(node, tensors)
        if is_functional(layer):
            result = _trace(layer, keras.tf.nest.flatten(args[0]), replace, replaced, f"{prefix}{layer.name}/")
        else:
            if id(layer) not in replaced:
                replaced[id(layer)] = replace(layer, prefix + layer.name)
            call = replaced[id(layer)]
            result = args[0] if call is None else call(*args, **kwargs)
        tensors.update(zip(node.flat_output_ids, keras.tf.nest.flatten(result), strict=True))
    return [tensors[str(id(tensor))] for tensor in model.outputs]


def arguments(node: Any, tensors: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What a call gets, from tensors by Keras's id of those that they stand for."""
    # map_arguments pops one use of each tensor: it gets lists of its own
    return node.map_arguments({key: [tensors[key]] * node.flat_input_ids.count(key) for key in node.flat_input_ids})


def copy(layer: Any, **changes: Any) -> Any:
    """A fresh, unbuilt layer of the same configuration but for ``changes``."""
    return type(layer).from_config({**layer.get_config(), **changes})


def with_weights(layer: Any, weights: list[Any]) -> Any:
    """The layer, which takes these weights when it is built."""
    # past Keras's own __setattr__, which would save the list with the network
    object.__setattr__(layer, "_initial_weights", weights or None)
    return layer


def clone(layer: Any, **changes: Any) -> Any:
    """A fresh layer of the same configuration but for ``changes``, with the same weights; what calls it, at least."""
    new, weights = copy(layer, **changes), layer.get_weights()
    if not isinstance(layer, keras.layers.MultiHeadAttention):
        return with_weights(new, weights)

    def call(*args: Any, **kwargs: Any) -> Any:
        result = new(*args, **kwargs)  # it makes its weights here, not when it is built
        new.set_weights(weights)
        return result

    return call
