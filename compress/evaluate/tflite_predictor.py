"""Runs a .tflite file as a board does: by LiteRT with its default delegate, one example at a time."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from compress.errors import UserError
from compress.evaluate.tflite_file import TFLiteFile
from compress.evaluate.tflite_input import TFLiteInput, only_input
from compress.evaluate.tflite_output import TFLiteOutput, choose
from compress.pixels import UNIT, Pixels
from compress.quiet import quiet


class TFLitePredictor:
    """What a file gives, by the names of its outputs, each float32 (n, ...).

    ``pixels``: what the file is fed for a uint8 image; None for what its grid tells, [0, 1] where it has none.
    ``shape``: of one example, for a file that leaves it open. ``output``: a name; ``width``: how many
    numbers an example has, which tells one of several outputs; ``expected``: lists of names that a file of ours has.
    Raises UserError for what cannot be run, fed or read so.
    """

    def __init__(
        self,
        model: Path | bytes | TFLiteFile,
        threads: int = 1,
        pixels: Pixels | None = None,
        shape: Sequence[int] | None = None,
        output: str | None = None,
        width: int | None = None,
        expected: Sequence[Sequence[str]] = (),
    ) -> None:
        self.file = model if isinstance(model, TFLiteFile) else TFLiteFile(model)
        self._threads, self._shape = threads, shape
        self.interpreter = self.file.interpreter(threads)
        self.input = input_of(self.file, self.interpreter)
        self.pixels = pixels or _told(self.input, self.file.name)
        self.allocate(self.interpreter)
        self._output, self._width, self._expected = output, width, expected

    @cached_property
    def outputs(self) -> list[TFLiteOutput]:
        """Those that count. Raises UserError where that cannot be told; who only runs the file need not know."""
        return choose(
            self.interpreter.get_output_details(),
            signature(self.interpreter, "output"),
            self.file.name,
            self._output,
            self._width,
            self._expected,
        )

    @cached_property
    def ends_in(self) -> str:
        """The operator at the end of the first of these; "" for none."""
        return self.file.last_operator(self.outputs[0].index)

    def allocate(self, interpreter: Any) -> None:
        """Gives the interpreter's tensors their memory, and its input the shape that was asked for."""
        with self.file.explained(), quiet():  # it reports the delegate that it made
            if None in self.input.shape:
                interpreter.resize_tensor_input(self.input.index, self.input.tensor_shape(self.shape))
            interpreter.allocate_tensors()

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example, channels last."""
        return sized(self.input.shape, self._shape, self.file.name)

    @property
    def shapes(self) -> dict[str, tuple[int | None, ...]]:
        """Of the outputs, by name, with a batch of any size."""
        return {output.name: (None, *output.shape) for output in self.outputs}

    @property
    def output_index(self) -> int:
        """The tensor of the first output."""
        return self.outputs[0].index

    def set_example(self, example: np.ndarray) -> None:
        """Puts one example at the input, which the model sees as its pixels, float values as they are."""
        self.interpreter.set_tensor(self.input.index, self.input.encode(example, self.pixels))

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        rows = [self._rows(image) for image in images]
        return {output.name: np.stack([row[output.name] for row in rows]) for output in self.outputs}

    def _rows(self, example: np.ndarray) -> dict[str, np.ndarray]:
        if self.file.keeps_state:
            self.interpreter = self.file.interpreter(self._threads)
            self.allocate(self.interpreter)
        self.interpreter.reset_all_variables()  # what the example before left in an LSTM
        self.set_example(example)
        with self.file.explained():  # a kernel may look at its values
            self.interpreter.invoke()
        return {output.name: output.decode(self.interpreter.get_tensor(output.index)) for output in self.outputs}


def input_of(file: TFLiteFile, interpreter: Any) -> TFLiteInput:
    """The one input of a file. Raises UserError where there are several."""
    return only_input(interpreter.get_input_details(), signature(interpreter, "input"), file.name)


def sized(reads: Sequence[int | None], shape: Sequence[int] | None, name: str) -> tuple[int, ...]:
    """The shape of one example: the file's own, open sides by ``shape``. Raises UserError where they do not agree."""
    if None not in reads and shape is None:
        return tuple(side for side in reads if side is not None)
    if shape is None:
        raise UserError(f"{name} accepts examples of any size ({shape_text(reads)}): give one, such as --size 224")
    given = shape[: len(reads)] if len(shape) == len(reads) + 1 and shape[-1] == 1 else shape  # grey without channels
    if len(given) != len(reads) or any(side not in (None, now) for side, now in zip(reads, given, strict=True)):
        raise UserError(f"{name} reads {shape_text(reads)}, but the data are {shape_text(shape)}")
    return tuple(given)


def shape_text(shape: Sequence[int | None]) -> str:
    """A shape as a user thinks of it.

    >>> shape_text((48, None, 3))
    '48x?x3'
    """
    return "x".join("?" if side is None else str(side) for side in shape)


def _told(reads: TFLiteInput, name: str) -> Pixels:
    candidates = reads.candidates
    if UNIT in candidates or len(candidates) == 1:
        return UNIT if UNIT in candidates else candidates[0]
    raise UserError(f"{name} reads {reads.span}, but which pixel range it expects is unknown: give it as --pixels")


def signature(interpreter: Any, end: str) -> dict[str, int]:
    """Names that the maker gave the inputs or outputs -> tensors, of a file with one signature; {} for any other."""
    keys = list(interpreter.get_signature_list())
    if len(keys) != 1:
        return {}
    runner = interpreter.get_signature_runner(keys[0])
    details = runner.get_input_details() if end == "input" else runner.get_output_details()
    return {name: int(detail["index"]) for name, detail in details.items()}
