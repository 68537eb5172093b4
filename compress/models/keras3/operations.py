"""Operations of Keras 3 (``keras.ops``, operators, slices) -> TensorFlow's on tensors of legacy Keras.

By the class of the operation. A rule gets the operation, which holds its options, and the arguments of the call, and
returns the result; legacy Keras makes a layer of each TensorFlow function that is called. What has no rule is tried
with Keras 3's own TensorFlow code on the same tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from compress import keras
from compress.errors import first_line
from compress.models.keras3.refusal import CannotRebuild, is_keras_own

Rule = Callable[..., Any]


def call(operation: Any, outputs: list[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The operation on legacy tensors; ``outputs`` are the tensors that it gave in Keras 3, whose types are kept."""
    if not is_keras_own(type(operation)):
        raise CannotRebuild(
            "is of a custom class, whose computation cannot be read: call keras.ops on the tensors instead"
        )
    name = type(operation).__name__
    args, kwargs = keras.tf.nest.map_structure(_constant, (args, kwargs))
    kwargs = {key: value for key, value in kwargs.items() if value is not None}
    try:
        if name in SAME_TYPE:
            args = keras.tf.nest.map_structure(lambda value: _cast(value, outputs[0].dtype), args)
        rule = RULES.get(name)
        result = rule(operation, *args, **kwargs) if rule else operation.call(*args, **kwargs)
        flat = keras.tf.nest.flatten(result)
        return [_cast(tensor, wanted.dtype) for tensor, wanted in zip(flat, outputs, strict=True)]
    except CannotRebuild:
        raise
    except Exception as error:  # Keras 3's own code on tensors that it does not know can raise anything
        raise CannotRebuild(f"has no counterpart in legacy Keras: {first_line(error)}") from error


def _constant(value: Any) -> Any:
    """A number or an array of numpy; a tensor of the network is left as it is."""
    if _is_tensor(value) or value is None or isinstance(value, (bool, int, float, str, slice, type(Ellipsis))):
        return value
    if type(value).__name__ in ("Variable", "KerasVariable"):
        raise CannotRebuild("reads a variable that belongs to no layer: make it a weight of a layer")
    array = np.asarray(value)
    return array.item() if array.ndim == 0 else array


def _cast(value: Any, dtype: str) -> Any:
    """A tensor or a constant in that type."""
    if _is_tensor(value):
        return value if value.dtype == dtype else keras.tf.cast(value, dtype)
    if isinstance(value, (bool, int, float)):
        return np.dtype(dtype).type(value).item() if dtype != "bfloat16" else value
    return value.astype(dtype) if isinstance(value, np.ndarray) else value


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "_keras_history")


def _plain(function: str) -> Rule:
    """TensorFlow's function of the same arguments."""

    def rule(operation: Any, *args: Any, **kwargs: Any) -> Any:
        return _tf(function)(*args, **kwargs)

    return rule


def _tf(function: str) -> Callable[..., Any]:
    member: Any = keras.tf
    for part in function.split("."):
        member = getattr(member, part)
    return member  # type: ignore[no-any-return]


def _reduce(function: str) -> Rule:
    def rule(operation: Any, x: Any, **_: Any) -> Any:
        axis = operation.axis
        return _tf(function)(x, axis=list(axis) if isinstance(axis, tuple) else axis, keepdims=operation.keepdims)

    return rule


def _index(function: str) -> Rule:
    def rule(operation: Any, x: Any) -> Any:
        if operation.axis is None or operation.keepdims:
            raise CannotRebuild("searches more than one axis: give axis, and leave keepdims out")
        return _tf(function)(x, axis=operation.axis)

    return rule


def _float(x: Any) -> Any:
    """Integers as float32, as means and roots in Keras 3 take them."""
    return x if x.dtype.is_floating else keras.tf.cast(x, "float32")


def _clip(operation: Any, x: Any) -> Any:
    low, high = operation.x_min, operation.x_max
    return keras.tf.clip_by_value(x, _constant(low), _constant(high))


def _concatenate(operation: Any, tensors: Any) -> Any:
    return keras.tf.concat(list(tensors), axis=operation.axis or 0)


def _expand_dims(operation: Any, x: Any) -> Any:
    axes = operation.axis if isinstance(operation.axis, (list, tuple)) else [operation.axis]
    rank = len(x.shape) + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        x = keras.tf.expand_dims(x, axis)
    return x


def _squeeze(operation: Any, x: Any) -> Any:
    axes = operation.axis
    if axes is None:
        axes = [number for number, side in enumerate(x.shape) if side == 1]
    return keras.tf.squeeze(x, list(axes) if isinstance(axes, (list, tuple)) else [axes])


def _flip(operation: Any, x: Any) -> Any:
    axes = range(len(x.shape)) if operation.axis is None else np.atleast_1d(operation.axis).tolist()
    return keras.tf.reverse(x, [axis % len(x.shape) for axis in axes])


def _get_item(operation: Any, x: Any, key: Any) -> Any:
    return x[tuple(key) if isinstance(key, list) else key]


def _moveaxis(operation: Any, x: Any) -> Any:
    rank = len(x.shape)
    sources = [axis % rank for axis in np.atleast_1d(operation.source).tolist()]
    targets = [axis % rank for axis in np.atleast_1d(operation.destination).tolist()]
    order = [axis for axis in range(rank) if axis not in sources]
    for target, source in sorted(zip(targets, sources, strict=True)):
        order.insert(target, source)
    return keras.tf.transpose(x, order)


def _swapaxes(operation: Any, x: Any) -> Any:
    order = list(range(len(x.shape)))
    order[operation.axis1], order[operation.axis2] = order[operation.axis2], order[operation.axis1]
    return keras.tf.transpose(x, order)


def _transpose(operation: Any, x: Any) -> Any:
    axes = operation.axes or range(len(x.shape))[::-1]
    return keras.tf.transpose(x, [axis % len(x.shape) for axis in axes])


def _pad(operation: Any, x: Any, constant_values: Any = 0) -> Any:
    widths = [list(pair) for pair in operation.pad_width]
    widths = widths * len(x.shape) if len(widths) == 1 else widths
    if operation.mode == "constant":
        return keras.tf.pad(x, widths, constant_values=constant_values or 0)
    return keras.tf.pad(x, widths, mode=operation.mode.upper())


def _reshape(operation: Any, x: Any) -> Any:
    shape = [-1 if side is None else int(side) for side in operation.newshape]
    if shape.count(-1) > 1:
        raise CannotRebuild(
            f"reshapes to {tuple(operation.newshape)}, in which more than one side is unknown: give all sides but one"
        )
    return keras.tf.reshape(x, shape)


def _ravel(operation: Any, x: Any) -> Any:
    return keras.tf.reshape(x, [-1])


def _split(operation: Any, x: Any) -> Any:
    places, axis = operation.indices_or_sections, operation.axis
    if isinstance(places, int):
        return keras.tf.split(x, places, axis=axis)
    side = x.shape[axis]
    if side is None:
        raise CannotRebuild(
            "splits an axis of unknown length at given positions: give the input a fixed length on that axis"
        )
    return keras.tf.split(x, np.diff([0, *places, side]).tolist(), axis=axis)


def _tile(operation: Any, x: Any) -> Any:
    repeats = [operation.repeats] if isinstance(operation.repeats, int) else list(operation.repeats)
    return keras.tf.tile(x, [1] * (len(x.shape) - len(repeats)) + repeats)


def _take(operation: Any, x: Any, indices: Any) -> Any:
    if operation.axis is None:
        x = keras.tf.reshape(x, [-1])
    if isinstance(indices, (int, np.ndarray)):  # from behind, which tf.gather does not know
        side = x.shape[operation.axis or 0]
        indices = np.where(np.asarray(indices) < 0, np.asarray(indices) + (side or 0), indices).astype("int32")
    return keras.tf.gather(x, indices, axis=operation.axis or 0)


def _softmax(operation: Any, x: Any) -> Any:
    if operation.axis is None or not isinstance(operation.axis, int):
        raise CannotRebuild("is a softmax over several axes: reshape to one axis before it")
    return keras.tf.nn.softmax(x, axis=operation.axis)


def _pool(kind: str) -> Rule:
    def rule(operation: Any, x: Any) -> Any:
        if operation.data_format == "channels_first":
            raise CannotRebuild('has data_format = "channels_first": TFLite needs "channels_last"')
        sizes = [operation.pool_size, operation.strides or operation.pool_size]
        rank = len(x.shape) - 2
        ksize, strides = ([side] * rank if isinstance(side, int) else list(side) for side in sizes)
        return _tf(f"nn.{kind}_pool{rank}d")(x, ksize, strides, operation.padding.upper())

    return rule


def _normalize(operation: Any, x: Any) -> Any:
    tf = keras.tf
    if operation.order != 2:
        raise CannotRebuild(f"normalizes by the norm of order {operation.order}: only order 2 is supported")
    smallest = operation.epsilon or 1e-7
    inverse = tf.math.rsqrt(tf.reduce_sum(tf.square(x), axis=operation.axis, keepdims=True))
    return tf.multiply(x, tf.minimum(inverse, 1.0 / smallest))


def _resize(operation: Any, x: Any) -> Any:
    if operation.crop_to_aspect_ratio or operation.pad_to_aspect_ratio or operation.data_format == "channels_first":
        raise CannotRebuild(
            'keeps the aspect ratio, or has data_format = "channels_first": resize to a fixed size with "channels_last"'
        )
    return keras.tf.image.resize(x, list(operation.size), method=operation.interpolation, antialias=operation.antialias)


def _hard_sigmoid(x: Any) -> Any:
    """relu6(x + 3) / 6: not legacy Keras's, whose slope is 0.2."""
    return keras.tf.divide(keras.tf.nn.relu6(keras.tf.add(x, 3.0)), 6.0)


def _elu(x: Any, alpha: float = 1.0) -> Any:
    tf = keras.tf
    return tf.nn.elu(x) if alpha == 1 else tf.where(x > 0, x, tf.multiply(tf.nn.elu(x), alpha))


def _glu(x: Any, axis: int = -1) -> Any:
    value, gate = keras.tf.split(x, 2, axis=axis)
    return keras.tf.multiply(value, keras.tf.sigmoid(gate))


def _celu(x: Any, alpha: float = 1.0) -> Any:
    tf = keras.tf
    negative = tf.multiply(tf.math.expm1(tf.divide(tf.minimum(x, 0.0), alpha)), alpha)
    return tf.add(tf.maximum(x, 0.0), negative)


def _soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    tf = keras.tf
    return tf.subtract(tf.nn.relu(tf.subtract(x, threshold)), tf.nn.relu(tf.subtract(tf.negative(x), threshold)))


def _hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    tf = keras.tf
    return tf.where(tf.abs(x) > threshold, x, tf.zeros_like(x))


def _squareplus(x: Any, b: float = 4) -> Any:
    tf = keras.tf
    return tf.multiply(tf.add(x, tf.sqrt(tf.add(tf.square(x), float(b)))), 0.5)


def _sparse_plus(x: Any) -> Any:
    tf = keras.tf
    middle = tf.multiply(tf.square(tf.add(tf.clip_by_value(x, -1.0, 1.0), 1.0)), 0.25)
    return tf.add(middle, tf.nn.relu(tf.subtract(x, 1.0)))


def _sparse_sigmoid(x: Any) -> Any:
    tf = keras.tf
    return tf.clip_by_value(tf.multiply(tf.add(x, 1.0), 0.5), 0.0, 1.0)


def _threshold(x: Any, threshold: float = 0.0, default_value: float = 0.0) -> Any:
    tf = keras.tf
    return tf.where(x > threshold, x, tf.multiply(tf.ones_like(x), default_value))


def _sparsemax(x: Any, axis: int = -1) -> Any:
    """As Keras 3 computes it: it sums the cumulative sums inside the support, where Martins and Astudillo (2016) take
    the last of them."""
    tf = keras.tf
    side = x.shape[axis]
    if side is None or axis not in (-1, len(x.shape) - 1):
        raise CannotRebuild("is a sparsemax over an axis that is not the last one, or whose length is unknown")
    sorted_values = tf.sort(x, direction="DESCENDING", axis=-1)
    total = tf.cumsum(sorted_values, axis=-1)
    order = np.arange(1, side + 1, dtype="float32")
    inside = tf.cast(tf.add(tf.multiply(sorted_values, order), 1.0) > total, x.dtype)
    count = tf.reduce_sum(inside, axis=-1, keepdims=True)
    excess = tf.subtract(tf.reduce_sum(tf.multiply(total, inside), axis=-1, keepdims=True), 1.0)
    return tf.nn.relu(tf.subtract(x, tf.divide(excess, count)))


# name in keras.activations -> what it computes, on tensors
ACTIVATIONS: dict[str, Callable[..., Any]] = {
    "celu": _celu,
    "glu": _glu,
    "hard_shrink": _hard_shrink,
    "hard_sigmoid": _hard_sigmoid,
    "hard_silu": lambda x: keras.tf.multiply(x, _hard_sigmoid(x)),
    "hard_tanh": lambda x: keras.tf.clip_by_value(x, -1.0, 1.0),
    "leaky_relu": lambda x, negative_slope=0.2: keras.tf.nn.leaky_relu(x, alpha=negative_slope),
    "log_sigmoid": lambda x: keras.tf.math.log_sigmoid(x),
    "log_softmax": lambda x, axis=-1: keras.tf.nn.log_softmax(x, axis=axis),
    "relu6": lambda x: keras.tf.nn.relu6(x),
    "soft_shrink": _soft_shrink,
    "sparse_plus": _sparse_plus,
    "sparse_sigmoid": _sparse_sigmoid,
    "sparsemax": _sparsemax,
    "squareplus": _squareplus,
    "tanh_shrink": lambda x: keras.tf.subtract(x, keras.tf.tanh(x)),
    "threshold": _threshold,
}


def _activation(name: str, *options: str) -> Rule:
    """The activation of that name; ``options``: what the operation holds for it."""
    return lambda operation, x: ACTIVATIONS[name](x, **{key: getattr(operation, key) for key in options})


# two tensors, or a tensor and a constant, of which Keras 3 first makes the type of the result
SAME_TYPE = frozenset(
    (
        "Add",
        "Subtract",
        "Multiply",
        "Divide",
        "TrueDivide",
        "Maximum",
        "Minimum",
        "Power",
        "Mod",
        "FloorDivide",
        "Where",
    )
) | {"Concatenate", "Stack", "Matmul", "Einsum", "Dot", "Tensordot"}
SAME_TYPE -= {"Where"}  # its condition is a truth

RULES: dict[str, Rule] = {
    "Absolute": _plain("abs"),
    "Add": _plain("add"),
    "All": _reduce("reduce_all"),
    "Amax": _reduce("reduce_max"),
    "Amin": _reduce("reduce_min"),
    "Any": _reduce("reduce_any"),
    "Argmax": _index("argmax"),
    "Argmin": _index("argmin"),
    "AveragePool": _pool("avg"),
    "BroadcastTo": lambda operation, x: keras.tf.broadcast_to(x, [side or -1 for side in operation.shape]),
    "Cast": lambda operation, x: keras.tf.cast(x, operation.dtype),
    "Ceil": lambda operation, x: keras.tf.math.ceil(_float(x)),
    "Celu": _activation("celu", "alpha"),
    "Clip": _clip,
    "Concatenate": _concatenate,
    "Copy": _plain("identity"),
    "Cos": _plain("cos"),
    "Cumsum": lambda operation, x: keras.tf.cumsum(x, axis=operation.axis),
    "DepthToSpace": lambda operation, x: keras.tf.nn.depth_to_space(x, operation.block_size),
    "Divide": _plain("divide"),
    "Einsum": lambda operation, *tensors: keras.tf.einsum(operation.subscripts, *tensors),
    "Elu": lambda operation, x: _elu(x, operation.alpha),
    "Equal": _plain("equal"),
    "Erf": _plain("math.erf"),
    "Exp": lambda operation, x: keras.tf.exp(_float(x)),
    "ExpandDims": _expand_dims,
    "Expm1": lambda operation, x: keras.tf.math.expm1(_float(x)),
    "Fabs": lambda operation, x: keras.tf.abs(_float(x)),
    "Flip": _flip,
    "Floor": lambda operation, x: keras.tf.floor(_float(x)),
    "FloorDivide": _plain("math.floordiv"),
    "Gelu": lambda operation, x: keras.tf.nn.gelu(x, approximate=operation.approximate),
    "GetItem": _get_item,
    "Glu": _activation("glu", "axis"),
    "Greater": _plain("greater"),
    "GreaterEqual": _plain("greater_equal"),
    "HardShrink": _activation("hard_shrink", "threshold"),
    "HardSigmoid": _activation("hard_sigmoid"),
    "HardSilu": _activation("hard_silu"),
    "HardTanh": _activation("hard_tanh"),
    "LeakyRelu": _activation("leaky_relu", "negative_slope"),
    "Less": _plain("less"),
    "LessEqual": _plain("less_equal"),
    "Log": lambda operation, x: keras.tf.math.log(_float(x)),
    "Log1p": lambda operation, x: keras.tf.math.log1p(_float(x)),
    "LogSigmoid": _activation("log_sigmoid"),
    "LogSoftmax": _activation("log_softmax", "axis"),
    "LogicalAnd": _plain("logical_and"),
    "LogicalNot": _plain("logical_not"),
    "LogicalOr": _plain("logical_or"),
    "Logsumexp": _reduce("reduce_logsumexp"),
    "Matmul": _plain("matmul"),
    "Max": _reduce("reduce_max"),
    "MaxPool": _pool("max"),
    "Maximum": _plain("maximum"),
    "Mean": lambda operation, x: _reduce("reduce_mean")(operation, _float(x)),
    "Min": _reduce("reduce_min"),
    "Minimum": _plain("minimum"),
    "Mish": lambda operation, x: keras.tf.multiply(x, keras.tf.tanh(keras.tf.nn.softplus(x))),
    "Mod": _plain("math.floormod"),
    "Moveaxis": _moveaxis,
    "Multiply": _plain("multiply"),
    "Negative": _plain("negative"),
    "Normalize": _normalize,
    "NotEqual": _plain("not_equal"),
    "OneHot": lambda operation, x: keras.tf.one_hot(x, operation.num_classes, axis=operation.axis),
    "OnesLike": _plain("ones_like"),
    "Pad": _pad,
    "Power": _plain("pow"),
    "Prod": _reduce("reduce_prod"),
    "Ravel": _ravel,
    "Reciprocal": lambda operation, x: keras.tf.math.reciprocal(_float(x)),
    "Relu": _plain("nn.relu"),
    "Relu6": _plain("nn.relu6"),
    "Repeat": lambda operation, x: keras.tf.repeat(x, _constant(operation.repeats), axis=operation.axis),
    "Reshape": _reshape,
    "Resize": _resize,
    "Roll": lambda operation, x: keras.tf.roll(x, operation.shift, operation.axis),
    "Round": lambda operation, x: keras.tf.round(x) if not operation.decimals else operation.call(x),
    "Rsqrt": _plain("math.rsqrt"),
    "Selu": _plain("nn.selu"),
    "Sigmoid": _plain("sigmoid"),
    "Sign": _plain("sign"),
    "Silu": _plain("nn.silu"),
    "Sin": _plain("sin"),
    "SoftShrink": _activation("soft_shrink", "threshold"),
    "Softmax": _softmax,
    "Softplus": _plain("nn.softplus"),
    "Softsign": _plain("nn.softsign"),
    "SpaceToDepth": lambda operation, x: keras.tf.nn.space_to_depth(x, operation.block_size),
    "SparsePlus": _activation("sparse_plus"),
    "SparseSigmoid": _activation("sparse_sigmoid"),
    "Sparsemax": _activation("sparsemax", "axis"),
    "Split": _split,
    "Sqrt": lambda operation, x: keras.tf.sqrt(_float(x)),
    "Square": _plain("square"),
    "Squareplus": _activation("squareplus", "b"),
    "Squeeze": _squeeze,
    "Stack": lambda operation, tensors: keras.tf.stack(list(tensors), axis=operation.axis),
    "Std": lambda operation, x: _reduce("math.reduce_std")(operation, _float(x)),
    "StopGradient": _plain("stop_gradient"),
    "Subtract": _plain("subtract"),
    "Sum": _reduce("reduce_sum"),
    "Swapaxes": _swapaxes,
    "Take": _take,
    "Tanh": _plain("tanh"),
    "TanhShrink": _activation("tanh_shrink"),
    "Threshold": _activation("threshold", "threshold", "default_value"),
    "Tile": _tile,
    "Transpose": _transpose,
    "TrueDivide": _plain("divide"),
    "Var": lambda operation, x: _reduce("math.reduce_variance")(operation, _float(x)),
    "Where": lambda operation, condition, one, other: keras.tf.where(condition, one, other),
    "ZerosLike": _plain("zeros_like"),
}
