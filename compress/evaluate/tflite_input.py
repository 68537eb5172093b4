"""What a .tflite file reads: the shape of one example, and on which grid its numbers are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compress.errors import UserError
from compress.pixels import PIXELS, UNIT, Pixels

Shape = tuple[int | None, ...]
Grid = tuple[float, int]
"""(scale, zero point) of integers that stand for scale * (integer - zero point)."""

# a range that was measured on images may end before the last byte, and a rounded grid a step behind it
NARROWER, WIDER = 0.1, 0.02  # of the span
BYTES = "0..255"


@dataclass(frozen=True)
class TFLiteInput:
    """The one input of a file. ``shape`` is that of one example, channels last, None for a side that is left open."""

    index: int
    shape: Shape
    batch: int | None
    """How many examples the file reads at once; None where its tensor has no side for them."""
    dtype: np.dtype
    grid: Grid | None
    channels_first: bool = False

    @property
    def candidates(self) -> list[Pixels]:
        """The pixels that the numbers themselves allow: one where they tell, all for floats, none for a strange grid.

        An int16 grid is symmetric around 0, so [0, 1] and [-1, 1] look the same.
        """
        channels = (self.shape[-1] or 3) if len(self.shape) == 3 else 1
        fitting = [pixels for pixels in PIXELS.values() if pixels.fits(channels)]
        if self.dtype.kind == "f":
            return fitting
        limits = np.iinfo(self.dtype)
        if self.grid is None:  # the integers themselves
            return [PIXELS[BYTES]] if limits.min <= 0 and limits.max >= 255 else []
        scale, zero = self.grid
        low, high = scale * (limits.min - zero), scale * (limits.max - zero)
        if self.dtype == np.int16 and zero == 0:
            furthest = {pixels.name: max(map(abs, pixels.limits)) for pixels in fitting}
            return [pixels for pixels in fitting if _ends_at(high, furthest[pixels.name], furthest[pixels.name])]
        return [pixels for pixels in fitting if _spans((low, high), pixels.limits)]

    @property
    def span(self) -> str:
        """What the input's numbers can stand for, in words."""
        if self.dtype.kind == "f":
            return f"{self.dtype.name} numbers"
        if self.grid is None:
            return f"{self.dtype.name} without a grid"
        limits, (scale, zero) = np.iinfo(self.dtype), self.grid
        return f"{self.dtype.name} from {scale * (limits.min - zero):.4g} to {scale * (limits.max - zero):.4g}"

    def encode(self, example: np.ndarray, pixels: Pixels = UNIT) -> np.ndarray:
        """One example as the file's tensor, batch and all: a uint8 image as such pixels, float numbers as they are."""
        values = pixels.of(example)
        values = values.reshape([side or now for side, now in zip(self.shape, values.shape, strict=False)])
        if self.channels_first:
            values = np.moveaxis(values, -1, 0)
        values = self._in_its_type(values)
        return values if self.batch is None else np.broadcast_to(values, (self.batch, *values.shape))

    def tensor_shape(self, shape: Sequence[int]) -> list[int]:
        """The tensor's shape for examples of ``shape``, channels last."""
        sides = [shape[-1], *shape[:-1]] if self.channels_first else list(shape)
        return sides if self.batch is None else [self.batch, *sides]

    def _in_its_type(self, values: np.ndarray) -> np.ndarray:
        if self.dtype.kind == "f":
            return values.astype(self.dtype, copy=False)
        scale, zero = self.grid or (1.0, 0)
        limits = np.iinfo(self.dtype)
        return np.clip(np.round(values / np.float32(scale)) + zero, limits.min, limits.max).astype(self.dtype)


def only_input(details: Sequence[Mapping[str, Any]], signature: Mapping[str, Any], name: str) -> TFLiteInput:
    """The input of a file that has one. Raises UserError, with their names, where there are several."""
    if len(details) != 1:
        names = ", ".join(sorted(signature) or [str(detail["name"]) for detail in details])
        raise UserError(f"{name} has {len(details)} inputs ({names}), but a data set can feed only one")
    (detail,) = details
    dtype = np.dtype(detail["dtype"])
    if dtype.kind not in "fiu":
        raise UserError(f"{name} reads {dtype.name}, which are not numbers")
    sides = [None if side < 0 else side for side in _signature(detail)]
    batch, rest = (1 if sides[0] is None else sides[0], sides[1:]) if len(sides) > 1 else (None, sides)
    channels_first = len(rest) == 3 and rest[0] in (1, 3) and rest[2] not in (1, 3)
    if channels_first:
        rest = [*rest[1:], rest[0]]
    return TFLiteInput(int(detail["index"]), tuple(rest), batch, dtype, grid_of(detail), channels_first)


def _signature(detail: Mapping[str, Any]) -> list[int]:
    """The shape with -1 for sides that are open."""
    return [int(side) for side in detail.get("shape_signature", ())] or [int(side) for side in detail["shape"]]


def grid_of(detail: Mapping[str, Any]) -> Grid | None:
    """The grid of an interpreter's tensor; None where it has none."""
    scale, zero = detail["quantization"]
    return (float(scale), int(zero)) if scale else None


def _spans(grid: tuple[float, float], limits: tuple[float, float]) -> bool:
    span = limits[1] - limits[0]
    return _ends_at(-grid[0], -limits[0], span) and _ends_at(grid[1], limits[1], span)


def _ends_at(end: float, wanted: float, span: float) -> bool:
    return wanted - NARROWER * span <= end <= wanted + WIDER * span
