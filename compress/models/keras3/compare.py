"""A rebuilt network against its original, on random inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from compress import keras, keras3
from compress.errors import UserError, first_line
from compress.models.keras3.walk import Walk, graph, nodes

EXACT = 1e-5  # of the largest output
OPEN_SIDE, BATCH = 64, 2
Arrays = list[np.ndarray]


def check(model: Any, rebuilt: Any, walk: Walk) -> None:
    """Raises UserError, with the layer where it begins, where the outputs differ by more than rounding does."""
    inputs = random_inputs(model)
    with _untouched(model):
        wanted, got = _original(model, inputs), _rebuilt(rebuilt, inputs)
        if difference(wanted, got) <= EXACT:
            return
        if difference(wanted, _original(model, inputs)) > EXACT:
            raise UserError(
                "the network gives different outputs each time for the same input, so its conversion cannot be "
                "checked: remove what is random at inference"
            )
        rounding = difference(wanted, _original(model, [_neighbour(array) for array in inputs]))
        departs = difference(wanted, got)
        if departs <= 10 * rounding:
            return
        raise UserError(
            f"the network rebuilt in legacy Keras differs from the original by {departs:.1e} of the largest "
            f"output{_where(model, rebuilt, walk, inputs)}: replace that part by other layers, or report this "
            "as a bug"
        )


def difference(wanted: Arrays, got: Arrays) -> float:
    """Largest difference over the largest output, by example and output; infinite where only one is no number."""
    worst = 0.0
    for one, other in zip(wanted, got, strict=True):
        if one.shape != other.shape:
            return float("inf")
        for left, right in zip(one.astype("float64"), other.astype("float64"), strict=True):
            if not np.array_equal(np.isfinite(left), np.isfinite(right)):
                return float("inf")
            finite = np.isfinite(left)
            if finite.any():
                largest = max(float(np.abs(left[finite]).max()), 1e-9)
                worst = max(worst, float(np.abs(left[finite] - right[finite]).max()) / largest)
    return worst


def random_inputs(model: Any) -> Arrays:
    """One array an input: the first example in [0, 1], the second in [0, 255]; whole numbers that every table has."""
    rng = np.random.default_rng(0)
    rows = [operation.input_dim for operation in _layers(model) if type(operation).__name__ == "Embedding"]
    arrays = []
    for tensor in graph(model).inputs:
        batch = tensor.shape[0] or BATCH
        shape = (batch, *(side or (OPEN_SIDE if len(tensor.shape) > 2 else 16) for side in tensor.shape[1:]))
        if "float" in tensor.dtype:
            scale = np.where(np.arange(batch) % 2, 255, 1).reshape(-1, *[1] * (len(shape) - 1))
            arrays.append((rng.random(shape) * scale).astype(tensor.dtype))
        else:
            highest = 2 if tensor.dtype == "bool" else min([*rows, 128 if tensor.dtype == "int8" else 256])
            arrays.append(rng.integers(0, highest, shape).astype(tensor.dtype))
    return arrays


def _layers(model: Any) -> Any:
    for node in nodes(model):
        yield node.operation
        if isinstance(node.operation, keras3.Model):
            yield from _layers(node.operation)


def _neighbour(array: np.ndarray) -> np.ndarray:
    """The nearest numbers above, where there are such."""
    return np.nextafter(array, array.dtype.type(np.inf)) if array.dtype.kind == "f" else array


def _original(model: Any, inputs: Arrays) -> Arrays:
    structure = keras3.tree.pack_sequence_as(graph(model)._inputs_struct, inputs)
    outputs = keras3.tree.flatten(model(structure, training=False))
    return [np.asarray(keras3.ops.convert_to_numpy(output)) for output in outputs]


def _rebuilt(model: Any, inputs: Arrays) -> Arrays:
    try:
        outputs = model(inputs if len(inputs) > 1 else inputs[0], training=False)
    except Exception as error:
        raise UserError(
            f"the network was rebuilt in legacy Keras but does not run there: {first_line(error)}"
        ) from error
    return [output.numpy() for output in keras.tf.nest.flatten(outputs)]


def _where(model: Any, rebuilt: Any, walk: Walk, inputs: Arrays) -> str:
    """ ", first at layer ...": of the calls of the network, the first whose results differ."""
    float_pairs = [(name, old, new) for name, old, new in walk.pairs if "float" in old.dtype]
    try:
        original = keras3.Model(graph(model).inputs, [old for _, old, _ in float_pairs])
        olds = keras3.tree.flatten(original(inputs, training=False))
        news = keras.tf.nest.flatten(
            keras.Model(rebuilt.inputs, [new for *_, new in float_pairs])(inputs, training=False)
        )
    except Exception:  # only the words of an error hang on it
        return ""
    for (name, *_), old, new in zip(float_pairs, olds, news, strict=True):
        if difference([np.asarray(keras3.ops.convert_to_numpy(old))], [new.numpy()]) > 10 * EXACT:
            return f", first at {name}"
    return ""


class _untouched:  # noqa: N801
    """Restores the statistics of batch norms that are told to train whenever they are called."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def __enter__(self) -> None:
        self._kept = [(weight, keras3.ops.convert_to_numpy(weight)) for weight in self._model.non_trainable_variables]

    def __exit__(self, *_: object) -> None:
        for weight, value in self._kept:
            weight.assign(value)
