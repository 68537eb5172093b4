"""Walks a functional network layer by layer and builds it anew, with layers replaced or left out."""

from collections import defaultdict
from collections.abc import Callable, Container, Iterator
from itertools import count
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


def gives_integers(layer: Any) -> bool:
    """Whether no output of any of its calls is a float."""
    outputs = [tensor for node in layer.inbound_nodes for tensor in keras.tf.nest.flatten(node.outputs)]
    return bool(outputs) and not any(tensor.dtype.is_floating for tensor in outputs)


def nodes(model: Any) -> Iterator[Any]:
    """The calls of a functional network in order of computation, its inputs left out."""
    if not is_functional(model):
        raise UserError(f"{model.name} is not a functional network: build it with keras.Model(inputs, outputs)")
    for depth in sorted(model._nodes_by_depth, reverse=True):
        yield from (node for node in model._nodes_by_depth[depth] if not node.is_input)


def readers(model: Any) -> dict[str, list[Any]]:
    """Layer name -> the layers that read its output; the caller of the network is a reader too, None."""
    readers_of: dict[str, list[Any]] = defaultdict(list)
    for node in nodes(model):
        for source in node.parent_nodes:
            readers_of[source.layer.name].append(node.layer)
    for output in model.outputs:
        readers_of[output.node.layer.name].append(None)
    return readers_of


def sources(model: Any) -> dict[str, tuple[Any, list[str]]]:
    """Layer name -> (the layer, the names of those that it reads)."""
    calls = [(node.layer, [parent.layer.name for parent in node.parent_nodes]) for node in nodes(model)]
    return {layer.name: (layer, before) for layer, before in calls}


def only_reader(model_readers: dict[str, list[Any]], layer: Any) -> Any:
    """The one layer that reads this layer's one output, once; None where there are several or the caller reads it."""
    layers = only_readers(model_readers, layer)
    return layers[0] if len(layers) == 1 else None


def only_readers(model_readers: dict[str, list[Any]], layer: Any) -> list[Any]:
    """Of each call of a layer the one that reads its output, once, and nothing else, in no order; [] where an output is
    read by several, or by the caller."""
    layers = model_readers[layer.name]
    once = len({id(each) for each in layers}) == len(layers) == len(layer.inbound_nodes)
    return layers if once and all(each is not None and len(each.inbound_nodes) == 1 for each in layers) else []


def named(model: Any) -> list[tuple[str, Any]]:
    """(name, layer) of every layer, nested networks opened: theirs are "outer/inner". No two have one name."""
    layers: dict[str, Any] = {}
    for name, layer in _paths(model, ""):
        if not any(layer is other for other in layers.values()):
            layers[free_name(name, layers)] = layer
    return list(layers.items())


def _paths(model: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for layer in model.layers:
        if is_functional(layer):
            yield from _paths(layer, f"{prefix}{layer.name}/")
        elif not (prefix and isinstance(layer, keras.layers.InputLayer)):
            yield prefix + layer.name, layer


def free_name(name: str, taken: Container[str]) -> str:
    """The name, with a number behind it if it is taken."""
    return name if name not in taken else next(f"{name}_{k}" for k in count(1) if f"{name}_{k}" not in taken)


def original_name(layer: Any) -> str:
    """The name, in the network that was rebuilt last, of the layer that this one was made of."""
    return str(getattr(layer, "_original_name", layer.name))


# (layer, its name in the rebuilt network) -> what to call in its place, or None to pass its first input through
Replace = Callable[[Any, str], Callable[..., Any] | None]


def rebuild(model: Any, replace: Replace, first: Callable[[Any], Any] | None = None) -> Any:
    """The same graph with every layer put through ``replace``, and every input through the layer ``first(input)``.

    Nested networks are opened: their layers become the network's own, called "outer/inner". A shared layer is
    replaced once and stays shared. ``training=`` and ``trainable`` of a nested network go on to its layers. What
    ``replace`` makes of one layer and calls like another gets another name. Weights are not copied.
    """
    inputs = [keras.Input(tensor.shape[1:], name=tensor.node.layer.name, dtype=tensor.dtype) for tensor in model.inputs]
    rebuilding = _Rebuilding(model, replace)
    fed = inputs
    if first is not None:
        fed = [first(tensor)(new) for tensor, new in zip(model.inputs, inputs, strict=True)]
        for tensor, new in zip(model.inputs, fed, strict=True):
            rebuilding.claim(new, tensor.node.layer.name, False)
    outputs = rebuilding.trace(model, fed, None, False)
    return keras.Model(inputs, outputs[0] if len(outputs) == 1 else outputs, name=model.name)


class _Rebuilding:
    """What took each layer's place so far, and by which names."""

    def __init__(self, model: Any, replace: Replace) -> None:
        self._replace = replace
        self._replaced: dict[int, Any] = {}
        self._names = {id(layer): name for name, layer in named(model)}
        self._taken = set(self._names.values())
        self._seen: dict[int, Any] = {}

    def trace(self, model: Any, fed: list[Any], training: bool | None, frozen: bool) -> list[Any]:
        """The outputs of ``model`` called on the tensors ``fed``."""
        tensors = {str(id(tensor)): new for tensor, new in zip(model.inputs, fed, strict=True)}
        for node in nodes(model):
            layer = node.layer
            args, kwargs = arguments(node, tensors)
            if training is not None and layer._expects_training_arg:
                kwargs.setdefault("training", training)
            if is_functional(layer):
                mode, holds = kwargs.get("training", training), frozen or not layer._trainable
                result = self.trace(layer, keras.tf.nest.flatten(args[0]), mode, holds)
            else:
                name = self._names[id(layer)]
                if id(layer) not in self._replaced:
                    self._replaced[id(layer)] = self._replace(layer, name)
                    if self._replaced[id(layer)] is None:  # its name is free for what takes its work over
                        self._taken.discard(name)
                call = self._replaced[id(layer)]
                result = args[0] if call is None else call(*args, **kwargs)
                self.claim(result, name, frozen)
            tensors.update(zip(node.flat_output_ids, keras.tf.nest.flatten(result), strict=True))
        return [tensors[str(id(tensor))] for tensor in model.outputs]

    def claim(self, result: Any, name: str, frozen: bool) -> None:
        """Gives the layers that were made for ``result``, in the place of the layer ``name``, names of their own."""
        waiting = [tensor.node for tensor in keras.tf.nest.flatten(result) if hasattr(tensor, "_keras_history")]
        while waiting:
            node = waiting.pop()
            if node.is_input or id(node.layer) in self._seen:
                continue
            layer = self._seen[id(node.layer)] = node.layer
            waiting += node.parent_nodes
            if layer.name != name:
                layer._name = free_name(layer.name, self._taken)
                self._taken.add(layer.name)
            if frozen:
                layer.trainable = False
            object.__setattr__(layer, "_original_name", name)  # past Keras's own __setattr__


def with_new_weights(model: Any, seed: int) -> Any:
    """The same layers with initial weights, which follow from the seed."""
    keras.utils.set_random_seed(seed)
    return rebuild(model, lambda layer, name: copy(layer, name=name))


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
