"""The nodes of each kind of layer: functions of the graph and a ``Call`` that give its output, or several.

TensorRT's rules (docs/decisions/0032): what computes in int8 reads its inputs on their grids and gives floats; padding
is said in numbers; the batch is 1. A kernel in float reads its input rounded, too, as in a .tflite.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compress.export.onnx.graph import FIRST, LAST, Graph, Pads, Tensor, again, made, moved
from compress.rewrite.layers import activation_name


@dataclass(frozen=True)
class Call:
    """One call of a layer: ``args`` and ``kwargs`` as Keras has them, a ``Tensor`` where it has a tensor."""

    layer: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    shapes: list[tuple[int, ...]]
    """Of its outputs, without the batch."""
    weights: dict[str, np.ndarray]
    kernel_axes: tuple[int, ...] | None = None
    """The axes of its kernel along which int8 steps differ; None for a kernel in float."""

    @property
    def inputs(self) -> list[Tensor]:
        first = self.args[0]
        return list(first) if isinstance(first, (list, tuple)) else [first]

    @property
    def input(self) -> Tensor:
        return self.inputs[0]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.shapes[0]


Nodes = Callable[[Graph, Call], "Tensor | list[Tensor]"]


def same(graph: Graph, call: Call) -> Tensor:
    """Nothing is computed in inference."""
    return again(call.input)


# kernels


def convolution(graph: Graph, call: Call) -> Tensor:
    kernel = np.transpose(call.weights["kernel"], (3, 2, 0, 1))
    return _convolution(graph, call, kernel, call.layer.groups)


def depthwise(graph: Graph, call: Call) -> Tensor:
    """A pool where the kernel is one; a product where it is 1x1."""
    layer, kernel = call.layer, call.weights["depthwise_kernel"]
    height, width, channels, multiplier = kernel.shape
    is_mean = np.all(kernel == kernel.flat[0]) and np.isclose(kernel.flat[0], 1 / (height * width))
    if is_mean and height * width > 1 and not layer.use_bias and layer.dilation_rate == (1, 1):
        return _pool(graph, call, "AveragePool", (height, width), count_include_pad=1)
    if (height, width, multiplier) == (1, 1, 1) and layer.strides == (1, 1):
        return _line(graph, call, kernel[0, 0, :, 0], call.weights.get("bias"))
    turned = np.transpose(kernel, (2, 3, 0, 1)).reshape(channels * multiplier, 1, height, width)
    return _convolution(graph, call, turned, channels)


def transposed_convolution(graph: Graph, call: Call) -> Tensor:
    layer, source = call.layer, call.input
    kernel = np.transpose(call.weights["kernel"], (3, 2, 0, 1))  # (in, out, h, w)
    begins, ends, more = [], [], []
    for axis in (0, 1):
        reach = (layer.kernel_size[axis] - 1) * layer.dilation_rate[axis] + 1
        surplus = (source.shape[axis] - 1) * layer.strides[axis] + reach - call.shape[axis]
        cut = max(surplus, 0)
        before = cut // 2 if layer.padding == "same" else 0
        begins.append(before)
        ends.append(cut - before)
        more.append(max(-surplus, 0))
    name = graph.node(
        "ConvTranspose",
        [graph.read_on_grid(source, FIRST), _kernel(graph, call, kernel, 1), *_bias(graph, call)],
        kernel_shape=list(layer.kernel_size),
        strides=list(layer.strides),
        dilations=list(layer.dilation_rate),
        pads=[*begins, *ends],
        output_padding=more,
    )
    return _activated(graph, call, name, FIRST)


def dense(graph: Graph, call: Call) -> Tensor:
    """A Gemm for a row of numbers, a 1x1 convolution for a map in the layout of one, else a MatMul."""
    source, kernel = call.input, call.weights["kernel"].T  # (out, in)
    if len(source.shape) == 1:
        name = graph.node(
            "Gemm",
            [graph.read_on_grid(source, LAST), _kernel(graph, call, kernel, 0), *_bias(graph, call)],
            transB=1,
        )
        return _activated(graph, call, name, LAST)
    if graph.layout([source]) == FIRST:
        return _convolution(graph, call, kernel[:, :, None, None], 1)
    turned = graph.node("Transpose", [_kernel(graph, call, kernel, 0)], perm=(1, 0))
    name = graph.node("MatMul", [graph.read_on_grid(source, LAST), turned])
    for bias in _bias(graph, call):
        name = graph.node("Add", [name, bias])
    return _activated(graph, call, name, LAST)


def _convolution(graph: Graph, call: Call, kernel: np.ndarray, groups: int) -> Tensor:
    """``kernel``: (out, in / groups, height, width)."""
    layer, source = call.layer, call.input
    sides, strides = kernel.shape[2:], getattr(layer, "strides", (1, 1))
    dilations = getattr(layer, "dilation_rate", (1, 1))
    reach = [(side - 1) * dilation + 1 for side, dilation in zip(sides, dilations, strict=True)]
    pads = padding_of(source.shape, call.shape, reach, strides, getattr(layer, "padding", "valid"))
    if source.unpadded is not None and not source.names:
        source, around = source.unpadded
        pads = tuple(a + b for a, b in zip(pads, around, strict=True))  # type: ignore[assignment]
    name = graph.node(
        "Conv",
        [graph.read_on_grid(source, FIRST), _kernel(graph, call, kernel, 0), *_bias(graph, call)],
        kernel_shape=list(sides),
        strides=list(strides),
        dilations=list(dilations),
        group=groups,
        pads=list(pads),
    )
    return _activated(graph, call, name, FIRST)


def _kernel(graph: Graph, call: Call, kernel: np.ndarray, axis: int) -> str:
    """The kernel, whose axis ``axis`` is that of the outputs, through its grids."""
    name = graph.constant(kernel, "kernel")
    if call.kernel_axes is None:
        return name
    others = tuple(a for a in range(kernel.ndim) if a != axis)
    limits = np.max(np.abs(kernel), axis=others if call.kernel_axes else None)
    steps = np.broadcast_to(np.where(limits > 0, limits, 127) / 127, kernel.shape[axis])
    return graph.quantized(name, steps.astype(np.float32), axis)


def _bias(graph: Graph, call: Call) -> list[str]:
    return [graph.constant(call.weights["bias"], "bias")] if "bias" in call.weights else []


def _activated(graph: Graph, call: Call, name: str, layout: str) -> Tensor:
    kind = activation_name(call.layer)
    if kind != "linear":
        name = FUNCTIONS[kind](graph, name)
    return made(call.shape, name, layout)


def padding_of(source: Sequence[int], result: Sequence[int], reach: Any, strides: Any, padding: str) -> Pads:
    """TensorFlow's "same" puts the odd one of an uneven number of zeros below and to the right."""
    if padding == "valid":
        return 0, 0, 0, 0
    sums = [max((result[a] - 1) * strides[a] + reach[a] - source[a], 0) for a in (0, 1)]
    return sums[0] // 2, sums[1] // 2, sums[0] - sums[0] // 2, sums[1] - sums[1] // 2


# pools


def average_pool(graph: Graph, call: Call) -> Tensor:
    return _pool(graph, call, "AveragePool", call.layer.pool_size, count_include_pad=0)


def max_pool(graph: Graph, call: Call) -> Tensor:
    if tuple(call.layer.pool_size) == tuple(call.layer.strides) == (1, 1):  # a ReLU's place in TFLite
        return again(call.input)
    return _pool(graph, call, "MaxPool", call.layer.pool_size)


def _pool(graph: Graph, call: Call, operator: str, sides: Sequence[int], **attributes: Any) -> Tensor:
    """On the grid of its input: an average computes there, a maximum only chooses."""
    layer, source = call.layer, call.input
    read = graph.read_on_grid if operator == "AveragePool" else graph.read_as_computed
    pads = list(padding_of(source.shape, call.shape, sides, layer.strides, layer.padding))
    name = graph.node(
        operator, [read(source, FIRST)], kernel_shape=list(sides), strides=list(layer.strides), pads=pads, **attributes
    )
    return again(made(call.shape, name, FIRST), step=source.step)


def global_pool(operator: str) -> Nodes:
    def nodes(graph: Graph, call: Call) -> Tensor:
        source = call.input
        read = graph.read_on_grid if operator == "GlobalAveragePool" else graph.read_as_computed
        name = graph.node(operator, [read(source, FIRST)])
        pooled = again(made((1, 1, source.shape[-1]), name, FIRST), step=source.step if "Max" in operator else None)
        return pooled if len(call.shape) == 3 else _reshaped(graph, pooled, call.shape)

    return nodes


# element by element


def merge(operator: str) -> Nodes:
    def nodes(graph: Graph, call: Call) -> Tensor:
        given = call.inputs if len(call.args) == 1 else list(call.args[:2])
        tensors = [value for value in given if isinstance(value, Tensor)]
        bare = [tensor for tensor in tensors if tensor.is_bare]
        if operator == "Add" and len(bare) > 1:  # one convolution takes the sum on; the other branches come in int8
            tensors = [tensor if tensor is bare[0] else again(tensor, is_bare=False) for tensor in tensors]

        def compute(names: list[str], layout: str) -> str:
            waiting = iter(names)
            result, *others = [
                next(waiting)
                if isinstance(value, Tensor)
                else graph.constant(moved(np.squeeze(value) if np.size(value) == 1 else value, layout), "constant")
                for value in given
            ]
            for name in others:
                result = graph.node(operator, [result, name])
            return result

        result = graph.elementwise(tensors, compute, call.shape)
        # a constant has no grid, and is rounded with the rest
        return again(result, step=grid_of(tensors)) if operator in ("Max", "Min") else result

    return nodes


def line(graph: Graph, call: Call) -> Tensor:
    return _line(graph, call, np.asarray(call.layer.scale), np.asarray(call.layer.offset))


def _line(graph: Graph, call: Call, scale: np.ndarray, offset: Any) -> Tensor:
    """scale * x + offset, and what the layer ends in."""

    def compute(names: list[str], layout: str) -> str:
        (name,) = names
        if np.any(scale != 1):
            name = graph.node("Mul", [name, graph.constant(moved(scale, layout), "scale")])
        if offset is not None and np.any(np.asarray(offset) != 0):
            name = graph.node("Add", [name, graph.constant(moved(offset, layout), "offset")])
        kind = activation_name(call.layer)
        return name if kind == "linear" else FUNCTIONS[kind](graph, name)

    result = graph.elementwise([call.input], compute, call.shape)
    return result if set(result.names.values()) - set(call.input.names.values()) else again(call.input)


def shift(graph: Graph, call: Call) -> Tensor:
    return _line(graph, call, np.ones(1, np.float32), call.layer.offset)


def normalization(graph: Graph, call: Call) -> Tensor:
    """A batch norm that was not folded."""
    w, layer = call.weights, call.layer
    scale = w.get("gamma", 1.0) / np.sqrt(w["moving_variance"] + layer.epsilon)
    return _line(graph, call, scale, w.get("beta", 0.0) - w["moving_mean"] * scale)


def scale(graph: Graph, call: Call) -> Tensor:
    """LayerScale: a factor a channel."""
    return _line(graph, call, call.weights["gamma"], 0.0)


def threshold(graph: Graph, call: Call) -> Tensor:
    limits, rises = call.weights["threshold"], call.weights["rising"] > 0
    far = np.float32(np.finfo(np.float32).max)

    def compute(names: list[str], layout: str) -> str:
        (name,) = names
        name = graph.node("Max", [name, graph.constant(moved(np.where(rises, limits, -far), layout), "threshold")])
        if np.all(rises):
            return name
        return graph.node("Min", [name, graph.constant(moved(np.where(rises, far, limits), layout), "threshold")])

    return graph.elementwise([call.input], compute)


def relu(graph: Graph, call: Call) -> Tensor:
    layer = call.layer

    def compute(names: list[str], layout: str) -> str:
        (name,) = names
        if layer.max_value is not None:
            cap = graph.constant(np.float32(layer.max_value), "cap")
            return graph.node("Clip", [name, graph.constant(np.float32(0), "floor"), cap])
        if layer.negative_slope:
            return graph.node("LeakyRelu", [name], alpha=float(layer.negative_slope))
        return graph.node("Relu", [name])

    return graph.elementwise([call.input], compute)


def leaky_relu(graph: Graph, call: Call) -> Tensor:
    alpha = float(call.layer.alpha)
    return graph.elementwise([call.input], lambda names, _: graph.node("LeakyRelu", names, alpha=alpha))


def elu(graph: Graph, call: Call) -> Tensor:
    alpha = float(np.ravel(call.layer.alpha)[0])
    return graph.elementwise([call.input], lambda names, _: graph.node("Elu", names, alpha=alpha))


def prelu(graph: Graph, call: Call) -> Tensor:
    def compute(names: list[str], layout: str) -> str:
        slopes = moved(call.weights["alpha"], layout)
        return graph.node("PRelu", [*names, graph.constant(slopes[0] if slopes.ndim == 4 else slopes, "slopes")])

    return graph.elementwise([call.input], compute)


def function(kind: str) -> Nodes:
    """An activation of the table FUNCTIONS."""
    return lambda graph, call: graph.elementwise([call.input], lambda names, _: FUNCTIONS[kind](graph, names[0]))


def softmax(graph: Graph, call: Call) -> Tensor:
    axis = int(getattr(call.layer, "axis", -1))
    return made(call.shape, graph.node("Softmax", [graph.read_as_computed(call.input, LAST)], axis=axis))


def layer_normalization(graph: Graph, call: Call) -> Tensor:
    """In operators that every version of TensorRT has."""
    w, x = call.weights, graph.read_as_computed(call.input, LAST)
    centred = graph.node("Sub", [x, graph.node("ReduceMean", [x], axes=[-1], keepdims=1)])
    variance = graph.node("ReduceMean", [graph.node("Mul", [centred, centred])], axes=[-1], keepdims=1)
    epsilon = graph.constant(np.float32(call.layer.epsilon), "epsilon")
    name = graph.node("Div", [centred, graph.node("Sqrt", [graph.node("Add", [variance, epsilon])])])
    if "gamma" in w:
        name = graph.node("Mul", [name, graph.constant(w["gamma"], "gamma")])
    if "beta" in w:
        name = graph.node("Add", [name, graph.constant(w["beta"], "beta")])
    return made(call.shape, name)


def _gelu(graph: Graph, x: str) -> str:
    half, one, root = (graph.constant(np.float32(v), "constant") for v in (0.5, 1.0, np.sqrt(2)))
    bell = graph.node("Add", [graph.node("Erf", [graph.node("Div", [x, root])]), one])
    return graph.node("Mul", [graph.node("Mul", [x, half]), bell])


def _mish(graph: Graph, x: str) -> str:
    return graph.node("Mul", [x, graph.node("Tanh", [graph.node("Softplus", [x])])])


def _one(operator: str, **attributes: Any) -> Callable[[Graph, str], str]:
    return lambda graph, name: graph.node(operator, [name], **attributes)


FUNCTIONS: dict[str, Callable[[Graph, str], str]] = {
    "elu": _one("Elu"),
    "exponential": _one("Exp"),
    "gelu": _gelu,
    "mish": _mish,
    "relu": _one("Relu"),
    "selu": _one("Selu"),
    "sigmoid": _one("Sigmoid"),
    "softmax": _one("Softmax", axis=-1),
    "softplus": _one("Softplus"),
    "softsign": _one("Softsign"),
    "tanh": _one("Tanh"),
}


# shapes: values only move, and keep their grid


def grid_of(tensors: Sequence[Tensor]) -> float | None:
    steps = {tensor.step for tensor in tensors}
    return steps.pop() if len(steps) == 1 else None


def concatenate(graph: Graph, call: Call) -> Tensor:
    tensors, axis = call.inputs, call.layer.axis
    rank = len(call.shape) + 1
    axis = axis % rank
    layout = graph.layout(tensors)
    if layout == FIRST and rank == 4:
        axis = {1: 2, 2: 3, 3: 1}[axis]
    step = grid_of(tensors)
    read = graph.read if step is not None else graph.read_as_computed  # its readers round it, all of it alike
    name = graph.node("Concat", [read(tensor, layout) for tensor in tensors], axis=axis)
    return again(made(call.shape, name, layout), step=step)


def reshape(graph: Graph, call: Call) -> Tensor:
    return _reshaped(graph, call.input, call.shape)


def _reshaped(graph: Graph, tensor: Tensor, shape: Sequence[int]) -> Tensor:
    height_and_width = tensor.shape[:2] if tensor.is_map else ()
    layout = FIRST if height_and_width == (1, 1) and FIRST in tensor.names else LAST
    target = [1, *shape]
    result = LAST
    if layout == FIRST and len(shape) == 3 and tuple(shape[:2]) == (1, 1):
        target, result = [1, shape[2], 1, 1], FIRST
    name = graph.node("Reshape", [graph.read(tensor, layout), graph.constant(target, "shape", np.int64)])
    return again(made(shape, name, result), step=tensor.step, is_loose=tensor.is_loose)


def zero_padding(graph: Graph, call: Call) -> Tensor:
    (top, bottom), (left, right) = call.layer.padding
    inner, pads = call.input, (top, left, bottom, right)
    if inner.unpadded is not None and not inner.names:
        inner, around = inner.unpadded
        pads = tuple(a + b for a, b in zip(pads, around, strict=True))  # type: ignore[assignment]
    return Tensor(call.shape, step=inner.step, unpadded=(inner, pads))


def cropping(graph: Graph, call: Call) -> Tensor:
    (top, bottom), (left, right) = call.layer.cropping
    height, width, _ = call.input.shape
    return _sliced(graph, call.input, [(1, top, height - bottom), (2, left, width - right)], call.shape)


def _sliced(graph: Graph, tensor: Tensor, cuts: Sequence[tuple[int, int, int]], shape: Sequence[int]) -> Tensor:
    """``cuts``: (axis, channels last with the batch, first, end) of each that is cut."""
    layout = graph.layout([tensor])
    axes = [{1: 2, 2: 3, 3: 1}[axis] if layout == FIRST else axis for axis, _, _ in cuts]
    starts, ends = [cut[1] for cut in cuts], [cut[2] for cut in cuts]
    numbers = [graph.constant(values, "cut", np.int64) for values in (starts, ends, axes)]
    name = graph.node("Slice", [graph.read(tensor, layout), *numbers])
    return again(made(shape, name, layout), step=tensor.step)


def zero_padding_1d(graph: Graph, call: Call) -> Tensor:
    before, after = call.layer.padding
    pads = graph.constant([0, before, 0, 0, after, 0], "pads", np.int64)
    return again(made(call.shape, graph.node("Pad", [graph.read(call.input, LAST), pads])), step=call.input.step)


def cropping_1d(graph: Graph, call: Call) -> Tensor:
    before, after = call.layer.cropping
    return _sliced(graph, call.input, [(1, before, call.input.shape[0] - after)], call.shape)


def max_pool_1d(graph: Graph, call: Call) -> Tensor:
    """On a map of one row."""
    layer, (length, channels) = call.layer, call.input.shape
    row = _reshaped(graph, call.input, (1, length, channels))
    size, stride = layer.pool_size[0], layer.strides[0]
    pads = padding_of((1, length), (1, call.shape[0]), (1, size), (1, stride), layer.padding)
    read = graph.read_as_computed(row, FIRST)
    name = graph.node("MaxPool", [read], kernel_shape=[1, size], strides=[1, stride], pads=list(pads))
    pooled = again(made((1, *call.shape), name, FIRST), step=call.input.step)
    return _reshaped(graph, pooled, call.shape)


def global_pool_1d(operator: str) -> Nodes:
    def nodes(graph: Graph, call: Call) -> Tensor:
        read = graph.read_on_grid if operator == "ReduceMean" else graph.read_as_computed
        keeps = int(len(call.shape) == 2)
        name = graph.node(operator, [read(call.input, LAST)], axes=[1], keepdims=keeps)
        return again(made(call.shape, name), step=call.input.step if operator == "ReduceMax" else None)

    return nodes


def permute(graph: Graph, call: Call) -> Tensor:
    name = graph.node("Transpose", [graph.read(call.input, LAST)], perm=[0, *call.layer.dims])
    return again(made(call.shape, name), step=call.input.step)


def repeat_vector(graph: Graph, call: Call) -> Tensor:
    row = _reshaped(graph, call.input, (1, *call.input.shape))
    count = graph.constant([1, call.layer.n, 1], "repeats", np.int64)
    return again(made(call.shape, graph.node("Tile", [graph.read(row, LAST), count])), step=call.input.step)


def up_sampling(graph: Graph, call: Call) -> Tensor:
    return resized(graph, call.input, call.shape, call.layer.interpolation)


def resized(graph: Graph, tensor: Tensor, shape: Sequence[int], filter_name: str) -> Tensor:
    """By TensorFlow's rule, in which pixels have their centres at halves."""
    sizes = graph.constant([1, shape[2], shape[0], shape[1]], "sizes", np.int64)
    how = {"mode": "linear"} if filter_name == "bilinear" else {"mode": "nearest", "nearest_mode": "round_prefer_ceil"}
    name = graph.node(
        "Resize",
        [graph.read_on_grid(tensor, FIRST), "", "", sizes],
        coordinate_transformation_mode="half_pixel",
        **how,
    )
    return again(made(shape, name, FIRST), step=tensor.step)
