"""Which numbers a model gets for the bytes of an image: what its user names, else what the grid of its input tells."""

import difflib
from typing import List, NamedTuple, Optional, Tuple

import numpy as np

from jetson.errors import UserError

Grid = Optional[Tuple[float, int]]  # (scale, zero point) of integers that stand for scale * (integer - zero point)
NARROWER, WIDER = 0.1, 0.02  # of the span: a measured range may end before the last byte


class Pixels(NamedTuple):
    """value = scale * (byte / 255) + offset, of each channel or of all; ``reverses`` puts blue first."""

    name: str
    scale: Tuple[float, ...]
    offset: Tuple[float, ...]
    reverses: bool = False

    def of(self, image: np.ndarray) -> np.ndarray:
        """uint8 (..., channels) -> float32; float values as they are."""
        if image.dtype != np.uint8:
            return image.astype(np.float32)
        units = image.astype(np.float32) / np.float32(255)
        if (self.scale, self.offset, self.reverses) == ((1.0,), (0.0,), False):
            return units
        units = units[..., ::-1] if self.reverses else units
        return units * np.array(self.scale, np.float32) + np.array(self.offset, np.float32)

    def limits(self) -> Tuple[float, float]:
        """The smallest and the largest value of any channel."""
        ends = [*self.offset, *(scale + offset for scale, offset in zip(self.scale, self.offset))]
        return min(ends), max(ends)


UNIT, BYTES = Pixels("0..1", (1.0,), (0.0,)), Pixels("0..255", (255.0,), (0.0,))
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PIXELS = {
    pixels.name: pixels
    for pixels in (
        UNIT,
        BYTES,
        Pixels("-1..1", (2.0,), (-1.0,)),
        Pixels(
            "imagenet",
            tuple(1 / deviation for deviation in _DEVIATION),
            tuple(-mean / deviation for mean, deviation in zip(_MEAN, _DEVIATION)),
        ),
        Pixels("imagenet-bgr", (255.0,) * 3, (-103.939, -116.779, -123.68), True),
    )
}


def parse(text: str) -> Pixels:
    """A name of PIXELS, or "SCALE,OFFSET" of a byte. Raises UserError, with the nearest names, for anything else."""
    if text in PIXELS:
        return PIXELS[text]
    try:
        scale, offset = (float(number) for number in text.split(","))
    except ValueError:
        near = difflib.get_close_matches(text, PIXELS, cutoff=0.6) or list(PIXELS)
        raise UserError("unknown pixels {!r}: {}, or SCALE,OFFSET of a byte".format(text, " or ".join(near))) from None
    return Pixels(text, (255 * scale,), (offset,))


def told(dtype: np.dtype, grid: Grid) -> Optional[Pixels]:
    """The pixels that an input's numbers stand for, [0, 1] where several may be; None for a grid of other numbers."""
    if dtype.kind == "f":
        return UNIT
    limits = np.iinfo(dtype)
    if grid is None:  # the integers themselves
        return BYTES if limits.min <= 0 and limits.max >= 255 else None
    scale, zero = grid
    low, high = scale * (limits.min - zero), scale * (limits.max - zero)
    candidates: List[Pixels] = []
    for pixels in PIXELS.values():
        bottom, top = pixels.limits()
        if dtype == np.int16 and zero == 0:  # symmetric around 0
            furthest = max(-bottom, top)
            fits = _ends_at(high, furthest, furthest)
        else:
            fits = _ends_at(-low, -bottom, top - bottom) and _ends_at(high, top, top - bottom)
        if fits:
            candidates.append(pixels)
    return candidates[0] if candidates else None


def _ends_at(end: float, wanted: float, span: float) -> bool:
    return wanted - NARROWER * span <= end <= wanted + WIDER * span
