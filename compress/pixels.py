"""Which numbers a network gets for the pixels of an image: [0, 1], [0, 255], [-1, 1], or what its owner names.

Inside jetslim every network of images reads byte / 255. A network of a user's that was trained on other numbers gets
one fixed affine layer in front (``compress.models.front``), so that nothing behind that door has to know.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compress.errors import UserError, unknown


@dataclass(frozen=True)
class Pixels:
    """value = scale * (byte / 255) + offset, for each channel or, with one number, for all of them.

    ``scale`` and ``offset`` have the same length: 1, or the number of channels. ``reverses`` says that the channels are
    put into reverse order (BGR) first; ``scale`` and ``offset`` are in that order.
    """

    name: str
    scale: tuple[float, ...]
    offset: tuple[float, ...]
    reverses: bool = False

    @property
    def is_unit(self) -> bool:
        """Whether the values are byte / 255 itself, what every network in the house reads."""
        return not self.reverses and set(self.scale) == {1.0} and set(self.offset) == {0.0}

    @property
    def limits(self) -> tuple[float, float]:
        """The smallest and the largest value that a pixel can have in any channel."""
        ends = [*self.offset, *(scale + offset for scale, offset in zip(self.scale, self.offset, strict=True))]
        return min(ends), max(ends)

    def fits(self, channels: int) -> bool:
        """Whether images of so many channels can have these pixels."""
        return len(self.scale) in (1, channels) and not (self.reverses and channels == 1)

    def of(self, images: np.ndarray) -> np.ndarray:
        """uint8 images (..., channels) -> float32 of that shape, as the network is fed; other values as they are."""
        if images.dtype != np.uint8:
            return images.astype(np.float32, copy=False)
        units = images.astype(np.float32) / np.float32(255)
        if self.is_unit:
            return units
        units = units[..., ::-1] if self.reverses else units
        return units * np.array(self.scale, np.float32) + np.array(self.offset, np.float32)


# of red, green and blue in [0, 1]: those of the photographs of ImageNet
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BLUE_GREEN_RED = (103.939, 116.779, 123.68)

PIXELS: dict[str, Pixels] = {
    pixels.name: pixels
    for pixels in (
        Pixels("0..1", (1.0,), (0.0,)),
        Pixels("0..255", (255.0,), (0.0,)),
        Pixels("-1..1", (2.0,), (-1.0,)),
        # each channel less its mean, over its standard deviation: mode "torch" of preprocess_input
        Pixels(
            "imagenet",
            tuple(1 / deviation for deviation in _DEVIATION),
            tuple(-mean / deviation for mean, deviation in zip(_MEAN, _DEVIATION, strict=True)),
        ),
        # BGR of 0 to 255 less its mean: mode "caffe" of preprocess_input (ResNet50, VGG16)
        Pixels("imagenet-bgr", (255.0,) * 3, tuple(-mean for mean in _BLUE_GREEN_RED), reverses=True),
    )
}
UNIT = PIXELS["0..1"]


def parse(value: str | Mapping[str, Any]) -> Pixels:
    """A name of PIXELS, or {scale, offset} as Keras's Rescaling has them: value = scale * byte + offset.

    Each is a number or has one for each channel. Raises UserError for anything else.

    >>> parse({"scale": 1 / 127.5, "offset": -1.0}).limits
    (-1.0, 1.0)
    """
    if isinstance(value, str):
        if value not in PIXELS:
            raise unknown("pixels", value, PIXELS)
        return PIXELS[value]
    if extra := set(value) - {"scale", "offset"}:
        raise UserError(f"pixels: {unknown('key', min(extra), ('scale', 'offset'))}")
    scale, offset = (_numbers(key, value.get(key, default)) for key, default in (("scale", 1.0), ("offset", 0.0)))
    length = max(len(scale), len(offset))
    if not all(len(numbers) in (1, length) for numbers in (scale, offset)) or 0.0 in scale:
        raise UserError(
            "pixels: scale and offset must be one number each, or one number per channel; scale must not be 0"
        )
    scale, offset = (numbers * length if len(numbers) == 1 else numbers for numbers in (scale, offset))
    return Pixels(f"scale {_text(scale)}, offset {_text(offset)}", tuple(255 * number for number in scale), offset)


def _numbers(key: str, value: Any) -> tuple[float, ...]:
    values = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    if not values or any(isinstance(number, bool) or not isinstance(number, int | float) for number in values):
        raise UserError(f"pixels: {key} = {value!r} must be a number, or a list with one number per channel")
    return tuple(float(number) for number in values)


def _text(numbers: tuple[float, ...]) -> str:
    return "/".join(f"{number:.6g}" for number in dict.fromkeys(numbers))
