"""The nodes of TensorFlow's own operations in a network, which stay as they are when it is rewritten."""

from typing import Any

import numpy as np

from compress.export.onnx.graph import FIRST, LAST, Graph, Tensor, again, made
from compress.export.onnx.layers import Call, Nodes, padding_of, resized


def reduce(operator: str) -> Nodes:
    """A mean, largest, smallest or sum over some axes."""

    def nodes(graph: Graph, call: Call) -> Tensor:
        tensor, rank = call.input, len(call.input.shape) + 1
        axis = call.kwargs.get("axis", call.args[1] if len(call.args) > 1 else None)
        axes = sorted(int(a) % rank for a in np.atleast_1d(range(1, rank) if axis is None else axis))
        keeps = bool(call.kwargs.get("keepdims", call.args[2] if len(call.args) > 2 else False))
        read = graph.read_on_grid if operator in ("ReduceMean", "ReduceSum") else graph.read_as_computed
        name = read(tensor, LAST)
        if operator == "ReduceSum":  # its axes are an input since opset 13, those of the others in 18
            name = graph.node(operator, [name, graph.constant(axes, "axes", np.int64)], keepdims=int(keeps))
        else:
            name = graph.node(operator, [name], axes=axes, keepdims=int(keeps))
        step = tensor.step if operator in ("ReduceMax", "ReduceMin") else None
        return again(made(call.shape, name), step=step)

    return nodes


def transpose(graph: Graph, call: Call) -> Tensor:
    order = call.kwargs.get("perm", call.args[1] if len(call.args) > 1 else None)
    if order is None:
        order = list(range(len(call.input.shape) + 1))[::-1]
    name = graph.node("Transpose", [graph.read(call.input, LAST)], perm=[int(axis) for axis in order])
    return again(made(call.shape, name), step=call.input.step)


def pad(graph: Graph, call: Call) -> Tensor:
    around = np.asarray(call.kwargs.get("paddings", call.args[1] if len(call.args) > 1 else None))
    pads = graph.constant([*around[:, 0], *around[:, 1]], "pads", np.int64)
    name = graph.node("Pad", [graph.read(call.input, LAST), pads])
    return again(made(call.shape, name), step=call.input.step)


def resize(graph: Graph, call: Call) -> Tensor:
    """Bilinear, TensorFlow's default, or nearest."""
    filter_name = str(call.kwargs.get("method", call.args[2] if len(call.args) > 2 else "bilinear"))
    return resized(graph, call.input, call.shape, filter_name)


def split(graph: Graph, call: Call) -> list[Tensor]:
    tensor = call.args[0]
    axis = int(call.kwargs.get("axis", call.args[2] if len(call.args) > 2 else 0)) % (len(tensor.shape) + 1)
    sizes = graph.constant([shape[axis - 1] for shape in call.shapes], "sizes", np.int64)
    names = graph.split("Split", [graph.read(tensor, LAST), sizes], len(call.shapes), axis=axis)
    return [again(made(shape, name), step=tensor.step) for shape, name in zip(call.shapes, names, strict=True)]


def sliced(graph: Graph, call: Call) -> Tensor:
    """x[:, 1:3, ..., 0] and the like, as Keras keeps it: slices of plain numbers."""
    tensor, spec = call.args[0], call.args[1] if len(call.args) > 1 else call.kwargs["slice_spec"]
    rank = len(tensor.shape) + 1
    spec = list(spec) if isinstance(spec, (list, tuple)) else [spec]
    if Ellipsis in spec:
        at = spec.index(Ellipsis)
        spec[at : at + 1] = [slice(None)] * (rank - len(spec) + 1)
    starts, ends, axes, steps, gone = [], [], [], [], []
    sides = (1, *tensor.shape)
    for axis, given in enumerate(spec):
        cut = given
        if not isinstance(given, slice):  # one number: the axis goes
            cut = slice(int(given) % sides[axis], int(given) % sides[axis] + 1)
            gone.append(axis)
        if cut == slice(None):
            continue
        first, end, step = cut.indices(sides[axis])
        starts.append(first)
        ends.append(end if end >= 0 else -sides[axis] - 1)
        axes.append(axis)
        steps.append(step)
    name = graph.read(tensor, LAST)
    if axes:
        numbers = [graph.constant(values, "cut", np.int64) for values in (starts, ends, axes, steps)]
        name = graph.node("Slice", [name, *numbers])
    if gone:
        name = graph.node("Reshape", [name, graph.constant([1, *call.shape], "shape", np.int64)])
    return again(made(call.shape, name), step=tensor.step)


def to_space(mode: str) -> Nodes:
    def nodes(graph: Graph, call: Call) -> Tensor:
        block = int(call.kwargs.get("block_size", call.args[1] if len(call.args) > 1 else 2))
        tensor = call.input
        if mode == "DepthToSpace":
            name = graph.node(mode, [graph.read(tensor, FIRST)], blocksize=block, mode="DCR")
        else:
            name = graph.node(mode, [graph.read(tensor, FIRST)], blocksize=block)
        return again(made(call.shape, name, FIRST), step=tensor.step)

    return nodes


def window_max(graph: Graph, call: Call) -> Tensor:
    """tf.nn.max_pool2d."""
    arguments: dict[str, Any] = dict(zip(("ksize", "strides", "padding"), call.args[1:], strict=False))
    arguments.update({key: value for key, value in call.kwargs.items() if value is not None})
    sides, strides = _sides(arguments["ksize"]), _sides(arguments["strides"])
    pads = padding_of(call.input.shape, call.shape, sides, strides, str(arguments["padding"]).lower())
    name = graph.node(
        "MaxPool", [graph.read_as_computed(call.input, FIRST)], kernel_shape=sides, strides=strides, pads=list(pads)
    )
    return again(made(call.shape, name, FIRST), step=call.input.step)


def _sides(size: Any) -> list[int]:
    numbers = [int(number) for number in np.ravel(size)]
    return numbers[1:3] if len(numbers) == 4 else [numbers[0], numbers[-1]]
