"""Rules for plain TensorFlow operations in a functional network (Keras calls each a TFOpLambda) -> Keras layers.

``layer_kinds`` says which operation has which rule. Each rule is as in ``layers``; what it returns takes the
operation's own arguments. Operations without a rule stay as they are.
"""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from compress import keras
from compress.rewrite.graph import clone
from compress.rewrite.layers import activate, two_at_a_time

Call = Callable[..., Any]


def operation(layer: Any) -> str | None:
    """TensorFlow's name of an operation, such as "math.multiply"; None for a layer."""
    if type(layer).__name__ != "TFOpLambda":
        return None
    return str(layer.get_config()["function"]).removeprefix("compat.v1.")  # as it calls tf.pad and some others


def _line(x: Any, scale: Any, shift: Any) -> tuple[Any, Any] | None:
    """scale and shift of x per channel, as Rescaling takes them; None if a constant is neither one number nor one a
    channel."""
    numbers: list[Any] = []
    for constant in (scale, shift):
        array = np.asarray(constant, np.float32)
        if array.size == 1:
            numbers.append(float(array.ravel()[0]))
        elif array.shape[-1] == array.size == x.shape[-1]:
            numbers.append(array.ravel().tolist())
        else:
            return None
    return numbers[0], numbers[1]


def _arithmetic(kind: str, left: Callable[[Any], Any], right: Callable[[Any], Any]) -> Callable[[Any, str], Call]:
    """Of two tensors the Keras layer ``kind``; of a tensor and a constant a Rescaling.

    ``left(c)`` and ``right(c)`` give (scale, shift) for ``x op c`` and ``c op x``; None keeps the operation.
    """

    def rule(layer: Any, name: str) -> Call:
        merging = cache(lambda: getattr(keras.layers, kind)(name=name))
        unchanged = cache(lambda: clone(layer, name=name))
        scaling = cache(lambda numbers: keras.layers.Rescaling(*json.loads(numbers), name=name))

        def call(x: Any, y: Any, **kwargs: Any) -> Any:
            tensors = [_is_tensor(value) for value in (x, y)]
            result = None
            if all(tensors):
                result = merging()([x, y]) if kind and len(x.shape) == len(y.shape) else None
            elif (line := left(y) if tensors[0] else right(x)) is not None:
                tensor = x if tensors[0] else y
                numbers = _line(tensor, *line)
                result = None if numbers is None else scaling(json.dumps(numbers))(tensor)
            return unchanged()(x, y) if result is None else result

        return call

    return rule


def maximum(layer: Any, name: str) -> Call:
    """max(x, 0) is a ReLU."""
    relu = cache(lambda: keras.layers.ReLU(name=name))
    other = _arithmetic("Maximum", lambda c: None, lambda c: None)(layer, name)

    def call(x: Any, y: Any, **kwargs: Any) -> Any:
        tensor, constant = (x, y) if _is_tensor(x) else (y, x)
        is_zero = not _is_tensor(constant) and np.size(constant) == 1 and not np.any(constant)
        return relu()(tensor) if is_zero else other(x, y, **kwargs)

    return call


def _is_tensor(value: Any) -> bool:
    """Whether a layer of the network gave it; else it is a constant."""
    return hasattr(value, "_keras_history")


def _unary(make: Callable[..., Any]) -> Callable[[Any, str], Call]:
    """An operation of one tensor -> the layer ``make(name=, ...)``, which gets the operation's other arguments."""

    def rule(layer: Any, name: str) -> Call:
        replacement = cache(lambda *options, **named: make(*options, **named, name=name))
        unchanged = cache(lambda: clone(layer, name=name))

        def call(x: Any, *args: Any, **kwargs: Any) -> Any:
            kwargs.pop("name", None)
            new = replacement(*map(_hashable, args), **{key: _hashable(value) for key, value in kwargs.items()})
            return unchanged()(x, *args, **kwargs) if new is None else new(x)

        return call

    return rule


def _hashable(value: Any) -> Any:
    return tuple(map(_hashable, value)) if isinstance(value, (list, np.ndarray)) else value


def _activation(function: str) -> Callable[..., Any]:
    def make(name: str) -> Any:
        return activate(keras.layers.Activation(function), name)

    return make


def _gelu(approximate: bool = False, *, name: str) -> Any:
    return None if approximate else keras.layers.Activation("gelu", name=name)


def _leaky(alpha: float = 0.2, *, name: str) -> Any:
    return keras.layers.LeakyReLU(float(alpha), name=name)


def _clip(clip_value_min: float, clip_value_max: float, *, name: str) -> Any:
    return None if clip_value_min != 0 else keras.layers.ReLU(float(clip_value_max), name=name)


def _pool(kind: str) -> Callable[[Any, str], Call]:
    """A mean or maximum over height and width."""

    def rule(layer: Any, name: str) -> Call:
        pooling = cache(lambda keepdims: getattr(keras.layers, kind)(keepdims=keepdims, name=name))
        unchanged = cache(lambda: clone(layer, name=name))

        def call(input_tensor: Any, axis: Any = None, keepdims: bool = False, **_: Any) -> Any:
            if len(input_tensor.shape) != 4 or sorted(np.atleast_1d(axis).tolist()) not in ([1, 2], [-3, -2]):
                return unchanged()(input_tensor, axis, keepdims)
            return pooling(bool(keepdims))(input_tensor)

        return call

    return rule


def _average_pool(ksize: Any, strides: Any, padding: Any, data_format: str = "NHWC", *, name: str) -> Any:
    sides = [_sides(ksize), _sides(strides)]
    if data_format != "NHWC" or padding not in ("SAME", "VALID") or None in sides:
        return None
    return keras.layers.AveragePooling2D(*sides, padding=padding.lower(), name=name)


def _sides(size: Any) -> tuple[int, ...] | None:
    """(height, width) of one number, of two, or of four that leave batch and channels alone."""
    numbers = [int(number) for number in np.ravel(size)]
    if len(numbers) == 4:
        return (numbers[1], numbers[2]) if numbers[0] == numbers[3] == 1 else None
    return (numbers[0], numbers[-1])


def cast(layer: Any, name: str) -> Call:
    """To the type that the tensor has: nothing."""
    unchanged = cache(lambda: clone(layer, name=name))
    return lambda x, dtype, **_: x if x.dtype == keras.tf.as_dtype(dtype) else unchanged()(x, dtype)


def concat(layer: Any, name: str) -> Call:
    concatenation = cache(lambda axis: keras.layers.Concatenate(axis, name=name))
    return lambda values, axis, **_: concatenation(int(axis))(values)


def add_n(layer: Any, name: str) -> Call:
    addition = cache(lambda count: two_at_a_time(keras.layers.Add, name, count))
    return lambda inputs, **_: addition(len(inputs))(inputs)


def bias_add(layer: Any, name: str) -> Call:
    """A bias for each channel, as preprocess_input subtracts its means."""
    addition = add(layer, name)
    return lambda value, bias, **_: addition(value, bias)


add = _arithmetic("Add", lambda c: (1.0, c), lambda c: (1.0, c))
subtract = _arithmetic("Subtract", lambda c: (1.0, -np.asarray(c)), lambda c: (-1.0, c))
multiply = _arithmetic("Multiply", lambda c: (c, 0.0), lambda c: (c, 0.0))
divide = _arithmetic("", lambda c: (1 / np.asarray(c), 0.0), lambda c: None)
minimum = _arithmetic("Minimum", lambda c: None, lambda c: None)
negative = _unary(lambda name: keras.layers.Rescaling(-1.0, name=name))
sigmoid = _unary(_activation("sigmoid"))
tanh = _unary(_activation("tanh"))
silu = _unary(_activation("swish"))
average_pool = _unary(_average_pool)
relu = _unary(lambda name: keras.layers.ReLU(name=name))
relu6 = _unary(lambda name: keras.layers.ReLU(6.0, name=name))
leaky_relu = _unary(_leaky)
gelu = _unary(_gelu)
softmax = _unary(lambda axis=-1, *, name: keras.layers.Softmax(axis or -1, name=name))
clip_by_value = _unary(_clip)
reduce_mean = _pool("GlobalAveragePooling2D")
reduce_max = _pool("GlobalMaxPooling2D")
