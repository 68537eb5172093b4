"""What a .tflite file says: which of its outputs count, and what their numbers stand for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compress.errors import UserError, unknown
from compress.evaluate.tflite_input import Grid, grid_of


@dataclass(frozen=True)
class TFLiteOutput:
    """An output; ``shape`` is that of one example, without the batch."""

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    grid: Grid | None

    @property
    def step(self) -> float:
        """The distance of two neighbouring values; 0 for a float output."""
        return self.grid[0] if self.grid and self.dtype.kind != "f" else 0.0

    def decode(self, tensor: np.ndarray) -> np.ndarray:
        """The numbers of the first example, float32: scale * (code - zero point) of a grid."""
        return off_grid(tensor.reshape(-1, *self.shape)[0], self.grid)


def off_grid(codes: np.ndarray, grid: Grid | None) -> np.ndarray:
    """What the values of a tensor stand for, float32: scale * (code - zero point) of integers on a grid."""
    if codes.dtype.kind == "f" or grid is None:
        return codes.astype(np.float32, copy=False)
    scale, zero = grid
    return (codes.astype(np.float32) - zero) * np.float32(scale)


def choose(
    details: Sequence[Mapping[str, Any]],
    signature: Mapping[str, int],
    name: str,
    wanted: str | None = None,
    width: int | None = None,
    expected: Sequence[Sequence[str]] = (),
) -> list[TFLiteOutput]:
    """The output that is ``wanted``; else those that are ``expected`` (the first list of names that are all there);
    else the only one, else the only one that has ``width`` numbers.

    ``signature``: the names that a file's maker gave its outputs -> the tensors; without them tensors' own names count.
    Raises UserError, which names the outputs, where that decides nothing. What was not expected by its name and has
    axes of length 1 around a row of numbers is that row.
    """
    titles = {index: title for title, index in signature.items()}
    named = {titles.get(int(detail["index"]), str(detail["name"])): detail for detail in details}
    if wanted is not None:
        if wanted not in named:
            raise UserError(f"{name}: {unknown('output', wanted, named)}")
        return [_row(wanted, named[wanted])]
    for names in expected:
        if set(names) <= named.keys():
            return [_output(title, named[title], tuple(_shape(named[title])[1:])) for title in names]
    if len(named) == 1:
        ((title, detail),) = named.items()
        return [_row(title, detail)]
    counts = {title: _values(detail) for title, detail in named.items()}
    fitting = [title for title, count in counts.items() if (count > 1 if width is None else count == width)]
    if len(fitting) != 1:
        shapes = ", ".join(f"{title} {_shape(detail)}" for title, detail in sorted(named.items()))
        raise UserError(f"{name} has {len(named)} outputs ({shapes}): choose one with --output")
    return [_row(fitting[0], named[fitting[0]])]


def _row(title: str, detail: Mapping[str, Any]) -> TFLiteOutput:
    """An output without the axes of length 1 around a row of numbers; a map, or what has several rows, as it is."""
    shape = _shape(detail)
    is_row = len(shape) > 0 and all(side == 1 for side in shape[1:-1])
    return _output(title, detail, (shape[-1],) if is_row else tuple(shape[1:]))


def _output(title: str, detail: Mapping[str, Any], shape: tuple[int, ...]) -> TFLiteOutput:
    return TFLiteOutput(int(detail["index"]), title, shape, np.dtype(detail["dtype"]), grid_of(detail))


def _shape(detail: Mapping[str, Any]) -> list[int]:
    return [int(side) for side in detail["shape"]]


def _values(detail: Mapping[str, Any]) -> int:
    """How many numbers there are for one example."""
    return int(np.prod(_shape(detail)[1:] or [1]))
