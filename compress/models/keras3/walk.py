"""The graph of a Keras 3 network, call by call, anew in legacy Keras."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import cache
from typing import Any

from compress import keras, keras3
from compress.errors import UserError, first_line
from compress.models.keras3 import layers, operations
from compress.models.keras3.refusal import CannotRebuild, title


def graph(model: Any) -> Any:
    """The functional network of a functional or Sequential one."""
    return model._functional if isinstance(model, keras3.Sequential) else model


def is_graph(operation: Any) -> bool:
    """Whether its layers can be seen: a functional or Sequential network with the ``call`` that Keras gives it."""
    if isinstance(operation, keras3.Sequential):
        return type(operation).call is keras3.Sequential.call and operation._functional is not None
    return hasattr(operation, "_nodes_by_depth") and type(operation).call is _functional_call()


def nodes(model: Any) -> Iterator[Any]:
    """The calls of a network in order of computation, its inputs left out."""
    by_depth = graph(model)._nodes_by_depth
    for depth in sorted(by_depth, reverse=True):
        yield from (node for node in by_depth[depth] if node.operation is not None and not node.is_input)


class Walk:
    """Rebuilds networks; what is used twice (a layer, a nested network) is rebuilt once."""

    def __init__(self) -> None:
        self._made: dict[int, Any] = {}
        self.pairs: list[tuple[str, Any, Any]] = []
        """(name, tensor of Keras 3, tensor of legacy Keras) of every call of the outermost network."""

    def network(self, model: Any) -> Any:
        """The functional network of legacy Keras. Raises UserError that names all layers that cannot be rebuilt."""
        if refused := list(self._refused(model)):
            raise UserError("; ".join(dict.fromkeys(refused)))
        return self._network(model)

    def _refused(self, model: Any) -> Iterator[str]:
        """Of each layer that cannot be rebuilt its name and the reason; the others are made here."""
        for node in nodes(model):
            operation = node.operation
            if is_graph(operation):
                yield from self._refused(operation)
            elif isinstance(operation, keras3.Model):
                yield (
                    f"{title(operation)} is a subclassed network, whose layers cannot be seen: "
                    "build it with keras.Model(inputs, outputs), or call its layers one by one"
                )
            elif isinstance(operation, keras3.Layer) and id(operation) not in self._made:
                try:
                    self._made[id(operation)] = layers.rebuilt(operation)
                except CannotRebuild as error:
                    yield f"{title(operation)} {error}"
                except Exception as error:  # a configuration that legacy Keras refuses in its own ways
                    yield f"{title(operation)} cannot be rebuilt in legacy Keras: {first_line(error)}"

    def _network(self, model: Any) -> Any:
        functional = graph(model)
        inputs = [_input(tensor) for tensor in functional.inputs]
        tensors = {id(tensor): new for tensor, new in zip(functional.inputs, inputs, strict=True)}
        self.pairs = []
        for node in nodes(model):
            if any(id(tensor) not in tensors for tensor in node.input_tensors):
                continue  # Keras 3 leaves it out, too
            results = self._call(node, tensors)
            for tensor, new in zip(node.outputs, results, strict=True):
                tensors[id(tensor)] = new
        outputs = [tensors[id(tensor)] for tensor in functional.outputs]
        new = keras.Model(_one_or_all(inputs), _one_or_all(outputs), name=model.name)
        self.pairs = [
            (title(node.operation), tensor, tensors[id(tensor)])
            for node in nodes(model)
            for tensor in node.outputs
            if id(tensor) in tensors
        ]
        return new

    def _call(self, node: Any, tensors: dict[int, Any]) -> list[Any]:
        """The results of one call, flat."""
        operation = node.operation
        args, kwargs = node.arguments.fill_in(tensors)
        try:
            if not isinstance(operation, keras3.Layer):
                return operations.call(operation, node.outputs, args, kwargs)
            first, others = _arguments(node, args, kwargs)
            if is_graph(operation):
                new = self._made.get(id(operation)) or self._network(operation)
                first = _one_or_all(keras3.tree.flatten(first))
            else:
                new = self._made[id(operation)]
            self._made[id(operation)] = new
            results = keras.tf.nest.flatten(new(first, **_known(operation, new, others)))
            if len(results) != len(node.outputs):
                raise CannotRebuild(
                    f"returns {len(results)} tensors in legacy Keras, but {len(node.outputs)} in Keras 3"
                )
            return results
        except CannotRebuild as error:
            raise UserError(f"{title(operation)} {error}") from error
        except UserError:
            raise
        except Exception as error:
            raise UserError(f"{title(operation)} cannot be rebuilt in legacy Keras: {first_line(error)}") from error


def _arguments(node: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The first argument of a layer's call, and the others by name as far as they say something."""
    operation = node.operation
    signature = inspect.signature(operation.call)
    bound = signature.bind(*args, **kwargs).arguments
    if "kwargs" in bound and "kwargs" in signature.parameters:
        bound.update(bound.pop("kwargs"))
    original = signature.bind(*node.arguments.args, **node.arguments.kwargs).arguments
    name, *_ = signature.parameters
    first = bound.pop(name)
    others = {key: value for key, value in bound.items() if any(v is not None for v in keras.tf.nest.flatten(value))}
    for key in list(others):
        if key.endswith("mask") and _is_implicit(original.get(key), original):
            del others[key]  # legacy Keras finds it by itself
    # False is what Keras 3 notes for every layer whose call has it as the default; evaluate and predict override True
    training = others.pop("training", None)
    if training is False and signature.parameters["training"].default is None:
        others["training"] = False
    return first, others


def _is_implicit(mask: Any, arguments: dict[str, Any]) -> bool:
    """Whether a mask is the one that Keras 3 carries along with an argument of the call."""
    given = {id(value) for value in keras3.tree.flatten(mask) if value is not None}
    carried = {id(getattr(value, "_keras_mask", None)) for value in keras3.tree.flatten(list(arguments.values()))}
    return bool(given) and given <= carried


def _known(operation: Any, new: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments, where the legacy layer takes them all."""
    if not arguments:
        return arguments
    legacy = getattr(new, "legacy", new)
    takes = inspect.signature(legacy.call).parameters if isinstance(legacy, keras.layers.Layer) else {}
    if unknown := sorted(set(arguments) - set(takes)):
        raise CannotRebuild(f"is called with {', '.join(unknown)}, which legacy Keras does not support")
    return arguments


def _input(tensor: Any) -> Any:
    """The legacy input of the same name, type and shape, with a free batch."""
    layer = tensor._keras_history.operation
    if getattr(tensor, "sparse", False) or getattr(tensor, "ragged", False):
        raise UserError(f"{title(layer)} reads a sparse or ragged tensor: use a dense tensor")
    return keras.Input(tensor.shape[1:], name=layer.name, dtype=tensor.dtype)


def _one_or_all(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors


@cache
def _functional_call() -> Any:
    image = keras3.Input((1,))
    return type(keras3.Model(image, image)).call
