"""The operators of a .tflite file, one by one: which channels each has, and a file of it alone at any width.

Operators that differ in their numbers of channels alone are of one family; its time is a function of these numbers.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from compress.export import flatbuffer, titles
from compress.narrow.trace import Numbers, channels_of
from compress.rewrite.channels import small_groups

# copies of an operator in a file for timing, the more the smaller it is: so an inference is all but the operators' time
COPIES, BYTES = (1, 32), 1 << 17
Widths = tuple[int, ...]
Shapes = dict[int, tuple[int, ...]]
"""Tensor of a file -> its shape."""


@dataclass(frozen=True)
class Operator:
    """One operator of a file."""

    family: str
    """All that its time depends on apart from the numbers of channels, in words."""
    axes: tuple[np.ndarray, ...]
    """The channels whose numbers count, by number in a trace: those read and made, or one for all."""
    steps: Widths
    """Of which the numbers of channels are multiples."""
    scales: bool
    """Whether it can be made at other widths; of any other the time is taken to grow with the number of values."""
    file: Callable[[Widths], tuple[bytes, int]]
    """Numbers of channels, one an axis -> (a .tflite file with copies of it alone, how many)."""

    @property
    def widths(self) -> Widths:
        """The numbers of channels that it has in its file."""
        return tuple(len(axis) for axis in self.axes)


# name -> (position of the input, of the kernel, the kernel's axes of inputs and of outputs)
_MIXING = {"CONV_2D": (0, 1, 3, 0), "FULLY_CONNECTED": (0, 1, 1, 0), "TRANSPOSE_CONV": (2, 1, 3, 0)}
# constants say which values go where, and hold for one shape alone
_OF_ITS_SHAPE = frozenset(
    [
        "GATHER",
        "PACK",
        "RESHAPE",
        "SLICE",
        "SPLIT",
        "SPLIT_V",
        "SPACE_TO_DEPTH",
        "DEPTH_TO_SPACE",
        "STRIDED_SLICE",
        "TILE",
        "TRANSPOSE",
        "UNPACK",
    ]
)

_OF_SUBGRAPHS = ("WHILE", "IF", "CALL", "CALL_ONCE")


def operators(content: bytes, channels: Mapping[str, Numbers], removable: np.ndarray) -> list[Operator]:
    """The operators of a file whose tensors have the names of layers, in order. Left out are those that LiteRT makes a
    part of the next one, and loops and branches, which are no file by themselves.

    ``channels``: name of a layer -> the channels of its output. ``removable``: True for each number that could go; an
    axis with none of them is part of the family.
    """
    file = _File(content, channels, removable)
    alone = (each for each in file.graph.operators if not file.is_fused(each) and file.name(each) not in _OF_SUBGRAPHS)
    return [file.operator(operator) for operator in alone]


class _File:
    """The objects of a file, and the channels of its tensors."""

    def __init__(self, content: bytes, channels: Mapping[str, Numbers], removable: np.ndarray) -> None:
        from ai_edge_litert import schema_py_generated as schema

        self.model = flatbuffer.read_model(content)
        self.graph = self.model.subgraphs[0]
        self._names = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
        self._types = {value: name.lower() for name, value in vars(schema.TensorType).items() if isinstance(value, int)}
        self._removable = removable
        self.channels: dict[int, np.ndarray] = {}
        for operator in self.graph.operators:
            sources = [self.channels[int(number)] for number in operator.inputs if int(number) in self.channels]
            for number in map(int, operator.outputs):
                layers = titles.layers_of(self.graph.tensors[number].name.decode(), exact=True)
                for numbers in [channels[name] for name in reversed(layers) if name in channels] + sources:
                    if (along := _along(numbers, self.shape(number))) is not None:
                        self.channels[number] = along
                        break

    def shape(self, number: int) -> tuple[int, ...]:
        return tuple(int(side) for side in self.graph.tensors[number].shape)

    def data(self, number: int) -> Any:
        """The bytes of a constant; None for an activation."""
        data = self.model.buffers[self.graph.tensors[number].buffer].data
        return data if data is not None and len(data) else None

    def _is_setting(self, number: int) -> bool:
        """Whether it says what an operator does, such as how much it pads: whole numbers that stand for no others."""
        tensor = self.graph.tensors[number]
        grid = tensor.quantization
        has_grid = grid is not None and grid.scale is not None and len(grid.scale) > 0
        return self.data(number) is not None and self._types[tensor.type] in ("int32", "int64") and not has_grid

    def name(self, operator: Any) -> str:
        return self._names[self.model.operatorCodes[operator.opcodeIndex].builtinCode]

    def is_fused(self, operator: Any) -> bool:
        """Whether it is a padding that convolutions alone read, which is computed within them."""
        readers = [other for other in self.graph.operators if int(operator.outputs[0]) in map(int, other.inputs)]
        names = {self.name(other) for other in readers}
        return self.name(operator) == "PAD" and bool(names) and names <= {"CONV_2D", "DEPTHWISE_CONV_2D"}

    def operator(self, operator: Any) -> Operator:
        name = self.name(operator)
        shapes, axes, steps, scales = self._scaling(name, operator)
        free = [number for number, axis in enumerate(axes) if self._removable[axis].any()]
        fixed = [len(axis) for axis in axes]

        def file(widths: Widths) -> tuple[bytes, int]:
            now = list(fixed)
            for number, width in zip(free, widths, strict=True):
                now[number] = width
            return self._alone(operator, shapes(tuple(now)) if scales and free else {})

        return Operator(
            self._family(name, operator, shapes, [len(axis) for axis in axes], free if scales else []),
            tuple(axes[number] for number in free),
            tuple(steps[number] for number in free),
            scales,
            file,
        )

    def _scaling(
        self, name: str, operator: Any
    ) -> tuple[Callable[[Widths], Shapes], list[np.ndarray], list[int], bool]:
        """(widths -> shapes of the tensors that have them, channels of each axis, steps, whether it scales)."""
        tensors = [int(number) for number in (*operator.inputs, *operator.outputs) if number >= 0]
        result = int(operator.outputs[0])
        if name in _MIXING:
            source, kernel = (int(operator.inputs[position]) for position in _MIXING[name][:2])
            if result in self.channels:
                return self._mixing(name, operator, source, kernel, result)
        known = [number for number in tensors if number in self.channels]
        if not known:
            return lambda widths: {}, [], [], True
        largest = max(known, key=lambda number: int(np.prod(self.shape(number))))
        axis = self.channels[largest]
        width = len(axis)
        whole = name in _OF_ITS_SHAPE or self.shape(largest)[-1] != width

        def shapes(widths: Widths) -> Shapes:
            if name == "CONCATENATION":
                parts = [number for number in map(int, operator.inputs) if self.data(number) is None]
                sides = _shared(widths[0], [self.shape(number)[-1] for number in parts])
                return {
                    **{number: (*self.shape(number)[:-1], side) for number, side in zip(parts, sides, strict=True)},
                    result: (*self.shape(result)[:-1], sum(sides)),
                }
            sides_of = {width: widths[0], width // multiplier: widths[0] // multiplier}
            return {
                number: (*self.shape(number)[:-1], sides_of[self.shape(number)[-1]])
                for number in tensors
                if self.shape(number) and self.shape(number)[-1] in sides_of and not self._is_setting(number)
            }

        multiplier = max(1, width // self.shape(int(operator.inputs[0]))[-1]) if name == "DEPTHWISE_CONV_2D" else 1
        return shapes, [axis], [multiplier], not whole

    def _mixing(
        self, name: str, operator: Any, source: int, kernel: int, result: int
    ) -> tuple[Callable[[Widths], Shapes], list[np.ndarray], list[int], bool]:
        inwards, outwards = _MIXING[name][2:]
        made, kernel_shape = self.channels[result], list(self.shape(kernel))
        if source in self.channels:
            read = self.channels[source]
        else:  # such as the image: as many that cannot go
            read = np.full(self.shape(source)[-1], int(np.flatnonzero(~self._removable)[0]))
        groups = len(read) // kernel_shape[inwards] if name == "CONV_2D" else 1
        whole = small_groups(groups, len(read), len(made))
        biases = [int(number) for number in operator.inputs if number >= 0 and self.shape(int(number)) == (len(made),)]

        def shapes(widths: Widths) -> Shapes:
            reads, makes = (widths[0] * len(read) // len(made), widths[0]) if whole else widths
            sides = list(kernel_shape)
            sides[outwards], sides[inwards] = makes, sides[inwards] if whole else reads // groups
            return {
                source: (*self.shape(source)[:-1], reads),
                kernel: tuple(sides),
                **dict.fromkeys(biases, (makes,)),
                result: (*self.shape(result)[:-1], makes),
            }

        if whole:
            return shapes, [made], [len(made) // groups], True
        return shapes, [read, made], [groups, groups], True

    def _family(
        self, name: str, operator: Any, shapes: Callable[[Widths], Shapes], widths: list[int], free: list[int]
    ) -> str:
        """What is the same for operators that differ in the width of the axes ``free`` alone."""
        small = shapes(tuple(0 if number in free else width for number, width in enumerate(widths))) if free else {}

        def side(number: int) -> str:
            tensor, shape = self.graph.tensors[number], small.get(number, self.shape(number))
            sides = "x".join(
                "c" if now != before else str(now) for now, before in zip(shape, self.shape(number), strict=True)
            )
            constant = "=" if self.data(number) is not None else ""
            return f"{constant}{self._types[tensor.type]}[{sides}]"

        # a bias that is 0 is left out of a file, and takes next to no time
        read = operator.inputs[:2] if name in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED") else operator.inputs
        inputs, outputs = (
            " ".join(side(int(number)) for number in numbers if number >= 0) for numbers in (read, operator.outputs)
        )
        options = vars(operator.builtinOptions) if operator.builtinOptions is not None else {}
        chosen = " ".join(
            f"{key}={value}" for key, value in options.items() if np.ndim(value) == 0 and value not in (0, False, None)
        )
        return f"{name}{self._groups(name, operator)} {inputs} -> {outputs} {chosen}".rstrip()

    def _groups(self, name: str, operator: Any) -> str:
        """Of a convolution in groups: how many, or how wide each is where it goes as a whole."""
        if name != "CONV_2D":
            return ""
        source, kernel, result = (int(number) for number in (*operator.inputs[:2], operator.outputs[0]))
        read, of_group, made = self.shape(source)[-1], self.shape(kernel)[3], self.shape(result)[-1]
        groups = read // of_group
        if groups == 1:
            return ""
        whole = small_groups(groups, read, made)
        return f" in groups of {of_group} to {made // groups}" if whole else f" in {groups} groups"

    def _alone(self, operator: Any, shapes: Shapes) -> tuple[bytes, int]:
        """(a file with copies of the operator, how many); they read the same inputs."""
        from ai_edge_litert import schema_py_generated as schema

        model, graph = schema.ModelT(), schema.SubGraphT()
        model.version, model.subgraphs, model.buffers = 3, [graph], [schema.BufferT()]
        model.operatorCodes = [self.model.operatorCodes[operator.opcodeIndex]]
        graph.tensors, graph.operators, graph.inputs, graph.outputs = [], [], [], []
        shared: dict[int, int] = {}

        def place(number: int) -> int:
            if number in shared:
                return shared[number]
            tensor = self._tensor(number, shapes.get(number))
            if (data := self.data(number)) is not None:
                buffer = schema.BufferT()
                buffer.data = self._constant(number, data, shapes, operator)
                model.buffers.append(buffer)
                tensor.buffer = len(model.buffers) - 1
            graph.tensors.append(tensor)
            index = len(graph.tensors) - 1
            if data is None and number in map(int, operator.inputs):
                shared[number] = index
                graph.inputs.append(index)
            return index

        tensors = [int(number) for number in (*operator.inputs, *operator.outputs) if number >= 0]
        values = sum(int(np.prod(shapes.get(number, self.shape(number)))) for number in tensors)
        copies = min(max(BYTES // max(values, 1), COPIES[0]), COPIES[1])
        for _ in range(copies):
            twin = schema.OperatorT()
            twin.opcodeIndex = 0
            twin.builtinOptions, twin.builtinOptionsType = operator.builtinOptions, operator.builtinOptionsType
            twin.inputs = [place(int(number)) if number >= 0 else -1 for number in operator.inputs]
            twin.outputs = [place(int(number)) for number in operator.outputs]
            graph.operators.append(twin)
            graph.outputs += twin.outputs
        return flatbuffer.write_model(model, 1 << 16), copies

    def _tensor(self, number: int, shape: tuple[int, ...] | None) -> Any:
        """A tensor of a file of its own; a scale a channel is repeated for more channels, or cut."""
        tensor = copy.copy(self.graph.tensors[number])
        tensor.buffer, tensor.name, tensor.isVariable = 0, b"", False
        if shape is None:
            return tensor
        tensor.shape, tensor.shapeSignature = list(shape), None
        grid = tensor.quantization
        if grid is not None and grid.scale is not None and len(grid.scale) > 1:
            grid = tensor.quantization = copy.copy(grid)
            side = shape[grid.quantizedDimension]
            grid.scale, grid.zeroPoint = np.resize(grid.scale, side), np.resize(grid.zeroPoint, side)
        return tensor

    def _constant(self, number: int, data: Any, shapes: Shapes, operator: Any) -> np.ndarray:
        """The bytes of a constant; zeros where its shape changes, as what they are does not matter for the time."""
        result = int(operator.outputs[0])
        if number not in shapes:
            # the shape of its output, which a transposed convolution is told
            tells = np.asarray(data).view(np.int32) if len(data) == 4 * len(self.shape(result)) else np.zeros(0)
            is_told = result in shapes and tells.tolist() == list(self.shape(result))
            return np.array(shapes[result], np.int32).view(np.uint8) if is_told else data
        size = len(data) // max(1, int(np.prod(self.shape(number))))
        return np.zeros(int(np.prod(shapes[number])) * size, np.uint8)


def _along(numbers: Numbers, shape: tuple[int, ...]) -> np.ndarray | None:
    """The channels of a tensor of a file, batch first, where they differ; None where the shapes do not go together."""
    if not shape:
        return None
    if (along := channels_of(numbers)) is not None and len(along) == shape[-1]:
        return along
    if numbers.shape != shape[1:]:
        return None
    while numbers.ndim > 1 and np.array_equal(numbers, np.broadcast_to(numbers[:1], numbers.shape)):
        numbers = numbers[0]
    return numbers.ravel()


def _shared(total: int, parts: list[int]) -> list[int]:
    """A total divided in the proportion of the parts, each at least 1."""
    ends = [round(total * end / sum(parts)) for end in np.cumsum(parts)]
    return [max(1, end - start) for start, end in zip([0, *ends[:-1]], ends, strict=True)]
