"""An ONNX graph while it grows: tensors in two layouts and on their grids, each made when a node first asks for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

LAST, FIRST = "channels last", "channels first"
"""Layouts: (1, height, width, channels), as Keras has it, and (1, channels, height, width), as TensorRT wants it."""
Pads = tuple[int, int, int, int]
"""Zeros around a map: above, left, below, right."""


@dataclass(eq=False)
class Tensor:
    """What a layer gives. ``shape`` has no batch, and is channels last; a tensor of no map has that layout alone."""

    shape: tuple[int, ...]
    names: dict[str, str] = field(default_factory=dict)
    """Layout -> what it is called in the graph."""
    step: float | None = None
    """The distance of two values of its int8 grid, whose zero point is 0; None where it is read in float."""
    is_bare: bool = False
    """A kernel's result that elementwise layers alone read: it has no grid of its own, so that all is one kernel."""
    is_loose: bool = False
    """Its grid has another zero point in TFLite, which prescribes it: here kernels alone read it on one."""
    unpadded: tuple["Tensor", Pads] | None = None
    """What it is, but for zeros around it: a convolution adds them by itself."""
    on_grid: dict[str, str] = field(default_factory=dict)

    @property
    def is_map(self) -> bool:
        return len(self.shape) == 3


class Graph:
    """The nodes and constants so far. ``scope`` is the layer whose nodes are being made: names begin with it."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.scope = ""
        self._taken: set[str] = set()

    def node(self, operator: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Adds a node of one output, and gives that output's name."""
        return self.split(operator, inputs, 1, **attributes)[0]

    def split(self, operator: str, inputs: Sequence[str], count: int, **attributes: Any) -> list[str]:
        """The same for ``count`` outputs."""
        from onnx import helper

        names = [self._free(f"{self.scope}/{operator}") for _ in range(count)]
        self.nodes.append(helper.make_node(operator, list(inputs), names, name=names[0], **attributes))
        return names

    def constant(self, values: Any, what: str, dtype: Any = np.float32) -> str:
        """Adds an initializer, and gives its name."""
        from onnx import numpy_helper

        name = self._free(f"{self.scope}/{what}")
        self.constants.append(numpy_helper.from_array(np.array(values, dtype, order="C"), name))
        return name

    def quantized(self, name: str, step: Any, axis: int | None = None) -> str:
        """The tensor rounded to a grid of zero point 0: a pair of nodes, of which ``axis`` says where steps differ."""
        steps = self.constant(step, "step")
        zero = self.constant(np.zeros(np.shape(step)), "zero_point", np.int8)
        attributes = {} if axis is None else {"axis": axis}
        codes = self.node("QuantizeLinear", [name, steps, zero], **attributes)
        return self.node("DequantizeLinear", [codes, steps, zero], **attributes)

    def rounded(self, name: str, low: float, high: float) -> str:
        """The tensor rounded to the 256 values from ``low`` to ``high``, one of which is 0, by nodes that compute in
        float: for grids of another zero point."""
        step = self.constant((high - low) / 255, "step")
        ends = [self.constant(round(255 * end / (high - low)), "end") for end in (low, high)]
        codes = self.node("Clip", [self.node("Round", [self.node("Div", [name, step])]), *ends])
        return self.node("Mul", [codes, step])

    def read(self, tensor: Tensor, layout: str) -> str:
        """The name of a tensor in a layout, in float."""
        if not tensor.is_map:
            layout = LAST
        if layout not in tensor.names and tensor.unpadded is not None and not tensor.names:
            inner, (top, left, bottom, right) = tensor.unpadded
            pads = self.constant([0, 0, top, left, 0, 0, bottom, right], "pads", np.int64)
            tensor.names[FIRST] = self.node("Pad", [self.read(inner, FIRST), pads])
        if layout not in tensor.names:
            other, order = (FIRST, (0, 2, 3, 1)) if layout == LAST else (LAST, (0, 3, 1, 2))
            tensor.names[layout] = self._turned(tensor, tensor.names[other], order)
        return tensor.names[layout]

    def _turned(self, tensor: Tensor, name: str, order: tuple[int, ...]) -> str:
        height, width, channels = tensor.shape
        if channels == 1 or height == width == 1:  # nothing moves
            sides = [1, channels, height, width] if order[1] == 3 else [1, height, width, channels]
            return self.node("Reshape", [name, self.constant(sides, "shape", np.int64)])
        return self.node("Transpose", [name], perm=order)

    def read_on_grid(self, tensor: Tensor, layout: str) -> str:
        """The name of a tensor in a layout, rounded to its grid; in float where it has none."""
        if tensor.step is None:
            return self.read(tensor, layout)
        if not tensor.is_map:
            layout = LAST
        if layout not in tensor.on_grid:
            tensor.on_grid[layout] = self.quantized(self.read(tensor, layout), np.float32(tensor.step))
        return tensor.on_grid[layout]

    def read_as_computed(self, tensor: Tensor, layout: str) -> str:
        """The same for a reader that computes in float anyway: of what needs no grid, in float."""
        read = self.read if tensor.is_bare or tensor.is_loose else self.read_on_grid
        return read(tensor, layout)

    @staticmethod
    def layout(tensors: Sequence[Tensor]) -> str:
        """The layout in which an elementwise node reads these: that which one of them is in already."""
        if any(tensor.is_map and (FIRST in tensor.names or tensor.unpadded) for tensor in tensors):
            return FIRST
        return LAST

    def elementwise(
        self, tensors: Sequence[Tensor], compute: Callable[[list[str], str], str], shape: Sequence[int] | None = None
    ) -> Tensor:
        """What ``compute`` makes of tensors in one layout, which it is told, too."""
        rank = max(len(tensor.shape) for tensor in tensors)
        tensors = [self._of_rank(tensor, rank) for tensor in tensors]
        layout = self.layout(tensors)
        name = compute([self.read_as_computed(tensor, layout) for tensor in tensors], layout)
        shape = np.broadcast_shapes(*(tensor.shape for tensor in tensors)) if shape is None else shape
        return made(shape, name, layout)

    def _of_rank(self, tensor: Tensor, rank: int) -> Tensor:
        """A tensor of fewer axes with axes of length 1 before its own, as Keras merges a row with a map."""
        if len(tensor.shape) == rank:
            return tensor
        shape = (1,) * (rank - len(tensor.shape)) + tensor.shape
        name = self.node("Reshape", [self.read(tensor, LAST), self.constant([1, *shape], "shape", np.int64)])
        return again(made(shape, name), step=tensor.step, is_loose=tensor.is_loose)

    def _free(self, name: str) -> str:
        number, free = 1, name
        while free in self._taken:
            number += 1
            free = f"{name}_{number}"
        self._taken.add(free)
        return free


def made(shape: Sequence[int], name: str, layout: str = LAST) -> Tensor:
    """A tensor that a node gives; one of no map is channels last whatever is said."""
    sides = tuple(int(side) for side in shape)
    return Tensor(sides, {layout if len(sides) == 3 else LAST: name})


def moved(values: Any, layout: str) -> np.ndarray:
    """A constant that is channels last, or of fewer axes, as a map in that layout reads it."""
    array = np.asarray(values, np.float32)
    if layout == LAST or array.ndim == 0:
        return array
    array = array.reshape((1,) * (4 - array.ndim) + array.shape) if array.ndim < 4 else array
    return np.transpose(array, (0, 3, 1, 2))


def again(tensor: Tensor, **changes: Any) -> Tensor:
    """The same tensor under another description: what it is called in the graph is shared."""
    return replace(tensor, **changes)
