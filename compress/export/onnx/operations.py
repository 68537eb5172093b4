"""The nodes of TensorFlow's own operations in a network, which stay as they are when it is rewritten."""

import inspect
from typing import Any

import numpy as np

from compress.errors import UserError
from compress.export.onnx import layers
from compress.export.onnx.graph import FIRST, LAST, Graph, Tensor, again, made
from compress.export.onnx.layers import Call, Nodes, grid_of, padding_of, resized


def reduce(operator: str) -> Nodes:
    """A mean, largest, smallest or sum over some axes."""

    def nodes(graph: Graph, call: Call) -> Tensor:
        tensor, rank = call.input, len(call.input.shape) + 1
        given = arguments(call)
        axes = sorted(int(axis) % rank for axis in np.atleast_1d(given.get("axis", range(1, rank))))
        keeps = bool(given.get("keepdims", given.get("keep_dims", False)))
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
    order = arguments(call).get("perm", range(len(call.input.shape), -1, -1))
    name = graph.node("Transpose", [graph.read(call.input, LAST)], perm=[int(axis) for axis in order])
    return again(made(call.shape, name), step=call.input.step)


def pad(graph: Graph, call: Call) -> Tensor:
    given = arguments(call)
    around, value = np.asarray(given["paddings"]), float(given.get("constant_values", 0) or 0)
    pads = graph.constant([*around[:, 0], *around[:, 1]], "pads", np.int64)
    mode = {"CONSTANT": "constant", "REFLECT": "reflect"}.get(str(given.get("mode", "CONSTANT")).upper())
    if mode is None:
        raise UserError(
            f"onnx: layer {call.layer.name!r} pads with the mode {given['mode']!r}, which does not exist in ONNX"
        )
    fill = [graph.constant(np.float32(value), "fill")] if mode == "constant" else []
    read = graph.read_on_grid if value else graph.read
    name = graph.node("Pad", [read(call.input, LAST), pads, *fill], mode=mode)
    return again(made(call.shape, name), step=call.input.step)


def arguments(call: Call) -> dict[str, Any]:
    """What an operation was given, by the names of its own signature; None is left out."""
    given = inspect.signature(call.layer.function).bind(*call.args, **call.kwargs).arguments
    return {name: value for name, value in given.items() if value is not None}


def gelu(graph: Graph, call: Call) -> Tensor:
    """By the error function, or by tanh where the operation asks for that."""
    if not arguments(call).get("approximate"):
        return graph.elementwise([call.input], lambda names, _: layers.FUNCTIONS["gelu"](graph, names[0]))

    def compute(names: list[str], layout: str) -> str:
        (x,) = names
        half, one, root, cube = (
            graph.constant(np.float32(v), "constant") for v in (0.5, 1, np.sqrt(2 / np.pi), 0.044715)
        )
        third = graph.node("Mul", [graph.node("Mul", [graph.node("Mul", [x, x]), x]), cube])
        bell = graph.node("Tanh", [graph.node("Mul", [graph.node("Add", [x, third]), root])])
        return graph.node("Mul", [graph.node("Mul", [x, half]), graph.node("Add", [bell, one])])

    return graph.elementwise([call.input], compute)


def gather(graph: Graph, call: Call) -> Tensor:
    given = arguments(call)
    indices = graph.constant(np.asarray(given["indices"]), "indices", np.int64)
    axis = int(given.get("axis", 0)) % (len(given["params"].shape) + 1)
    name = graph.node("Gather", [graph.read(given["params"], LAST), indices], axis=axis)
    return again(made(call.shape, name), step=given["params"].step)


def stack(graph: Graph, call: Call) -> Tensor:
    given = arguments(call)
    tensors, axis = given["values"], int(given.get("axis", 0)) % (len(call.shape) + 1)
    at = graph.constant([axis], "axes", np.int64)
    names = [graph.node("Unsqueeze", [graph.read(tensor, LAST), at]) for tensor in tensors]
    return again(made(call.shape, graph.node("Concat", names, axis=axis)), step=grid_of(tensors))


def tile(graph: Graph, call: Call) -> Tensor:
    repeats = graph.constant(np.asarray(arguments(call)["multiples"]), "repeats", np.int64)
    return again(made(call.shape, graph.node("Tile", [graph.read(call.input, LAST), repeats])), step=call.input.step)


def slice_of_size(graph: Graph, call: Call) -> Tensor:
    """tf.slice: from where, and how much of it; -1 for all the rest. The batch stays."""
    given = arguments(call)
    begin, size, sides = np.asarray(given["begin"]), np.asarray(given["size"]), np.array([1, *call.input.shape])
    ends = np.where(size < 0, sides, begin + size)
    return _cut(graph, call, [slice(None), *(slice(a, b) for a, b in zip(begin[1:], ends[1:], strict=True))])


def strided_slice(graph: Graph, call: Call) -> Tensor:
    given = arguments(call)
    if any(given.get(name) for name in ("ellipsis_mask", "new_axis_mask", "shrink_axis_mask")):
        raise UserError(f"onnx: layer {call.layer.name!r} is a tf.strided_slice with masks: write it as x[:, a:b, ...]")
    cuts: list[Any] = [slice(None)]
    for axis in range(1, len(given["begin"])):
        begin = None if given.get("begin_mask", 0) >> axis & 1 else int(given["begin"][axis])
        end = None if given.get("end_mask", 0) >> axis & 1 else int(given["end"][axis])
        cuts.append(slice(begin, end, int(given["strides"][axis]) if "strides" in given else 1))
    return _cut(graph, call, cuts)


def resize(graph: Graph, call: Call) -> Tensor:
    """Bilinear, TensorFlow's default, or nearest."""
    given = arguments(call)
    filter_name = str(given.get("method", "bilinear"))
    if filter_name not in ("bilinear", "nearest") or given.get("antialias") or given.get("preserve_aspect_ratio"):
        raise UserError(
            f"onnx: layer {call.layer.name!r} resizes in a way that cannot be exported: use bilinear or nearest"
        )
    return resized(graph, call.input, call.shape, filter_name)


def split(graph: Graph, call: Call) -> list[Tensor]:
    tensor = call.args[0]
    axis = int(arguments(call).get("axis", 0)) % (len(tensor.shape) + 1)
    sizes = graph.constant([shape[axis - 1] for shape in call.shapes], "sizes", np.int64)
    names = graph.split("Split", [graph.read(tensor, LAST), sizes], len(call.shapes), axis=axis)
    return [again(made(shape, name), step=tensor.step) for shape, name in zip(call.shapes, names, strict=True)]


def sliced(graph: Graph, call: Call) -> Tensor:
    """x[:, 1:3, ..., 0] and the like, as Keras keeps it: slices of plain numbers."""
    given = call.args[1] if len(call.args) > 1 else call.kwargs["slice_spec"]
    spec = [as_slice(part) for part in (given if isinstance(given, (list, tuple)) else [given])]
    if Ellipsis in spec:
        at = spec.index(Ellipsis)
        count = len(call.input.shape) + 1 - sum(part is not None for part in spec) + 1
        spec[at : at + 1] = [slice(None)] * count
    return _cut(graph, call, spec)


def as_slice(part: Any) -> Any:
    return slice(part["start"], part["stop"], part["step"]) if isinstance(part, dict) else part


def _cut(graph: Graph, call: Call, spec: list[Any]) -> Tensor:
    """``spec``: slices, numbers and new axes, one for each axis."""
    tensor, has_new = call.args[0], None in spec
    spec = [part for part in spec if part is not None]
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
    if gone or has_new:
        name = graph.node("Reshape", [name, graph.constant([1, *call.shape], "shape", np.int64)])
    return again(made(call.shape, name), step=tensor.step)


def to_space(mode: str) -> Nodes:
    def nodes(graph: Graph, call: Call) -> Tensor:
        order = {"mode": "DCR"} if mode == "DepthToSpace" else {}
        block = int(arguments(call)["block_size"])
        name = graph.node(mode, [graph.read(call.input, FIRST)], blocksize=block, **order)
        return again(made(call.shape, name, FIRST), step=call.input.step)

    return nodes


def window_max(graph: Graph, call: Call) -> Tensor:
    """tf.nn.max_pool2d."""
    given = arguments(call)
    sides, strides = _sides(given["ksize"]), _sides(given["strides"])
    pads = padding_of(call.input.shape, call.shape, sides, strides, str(given["padding"]).lower())
    name = graph.node(
        "MaxPool", [graph.read_as_computed(call.input, FIRST)], kernel_shape=sides, strides=strides, pads=list(pads)
    )
    return again(made(call.shape, name, FIRST), step=call.input.step)


def _sides(size: Any) -> list[int]:
    numbers = [int(number) for number in np.ravel(size)]
    return numbers[1:3] if len(numbers) == 4 else [numbers[0], numbers[-1]]
