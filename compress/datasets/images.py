"""From an image file, or an array of another size, to uint8 pixels, RGB or grey, at the model's size."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np
import simplejpeg
from PIL import ExifTags, Image, ImageOps

Fit = Literal["stretch", "crop", "pad"]
Size = int | tuple[int, int]
"""A side, or (height, width)."""

# What Pillow raises on damaged files: its readers let some errors of their building blocks through.
UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


def sides(size: Size) -> tuple[int, int]:
    """(height, width) of a size."""
    return (size, size) if isinstance(size, int) else size


@dataclass(frozen=True, eq=False)
class Fitted:
    """An image as it was, and as a network gets it: uint8 (height, width, channels) both."""

    original: np.ndarray
    example: np.ndarray
    fit: Fit

    def back(self, boxes: np.ndarray) -> np.ndarray:
        """Boxes (k, 4), y and x of two corners in the example's pixels, in those of the original."""
        own, frame = (np.array(image.shape[:2], np.float64) for image in (self.original, self.example))
        start, part = np.zeros(2), own
        if self.fit == "crop":
            left, top, right, bottom = centre(int(own[1]), int(own[0]), int(frame[1]), int(frame[0]))
            start, part = np.array([top, left]), np.array([bottom - top, right - left])
        inside = (
            np.array(fitting((int(own[0]), int(own[1])), (int(frame[0]), int(frame[1]))))
            if self.fit == "pad"
            else frame
        )
        return np.clip(boxes * np.tile(part / inside, 2) + np.tile(start, 2), 0, np.tile(own, 2))


def fitted(path: Path, size: Size, fit: Fit = "stretch", channels: int = 3) -> Fitted:
    """One image file, as it is and as ``decode`` makes it. Raises as ``decode``."""
    return Fitted(decoded(path, channels), decode(path, size, fit, channels), fit)


def decode(
    path: Path, size: Size, fit: Fit = "stretch", channels: int = 3, part: np.ndarray | None = None
) -> np.ndarray:
    """Read one image file whole: uint8 (height, width, channels), 0 to 255, RGB for 3 channels and grey for 1.

    The EXIF rotation is applied; an animation gives its first frame. ``fit="stretch"`` resizes without regard to the
    aspect ratio, ``fit="crop"`` cuts the largest centred part of the wanted aspect ratio first, ``fit="pad"`` makes
    smaller what is too large, with its aspect ratio, and puts black below and to the right; all resize bilinearly.
    ``part``: what takes the place of the image so fitted, as a row of ``Parts.corners`` has it; it is cut out of the
    file's own pixels, but for "pad". Raises one of ``UNREADABLE`` when the file is damaged, truncated, no image, or of
    a mode without a known range.
    """
    height, width = sides(size)
    image = decoded(path, channels)
    if fit == "pad":
        image = padded(image, (height, width))
    if fit == "crop":
        left, top, right, bottom = centre(image.shape[1], image.shape[0], width, height)
        image = image[top:bottom, left:right]
    if part is not None:
        return cut_out(image[None], part[None], (height, width))[0]
    return resize(image[None], (height, width))[0]


def decoded(path: Path, channels: int) -> np.ndarray:
    """Read one image file at its own size, otherwise as ``decode``."""
    with path.open("rb") as file:
        pixels = _plain_jpeg(file.read(), channels) if file.read(len(JPEG)) == JPEG else None
    if pixels is not None:
        return pixels
    with Image.open(path) as image:
        depth = bits(image)
        ImageOps.exif_transpose(image, in_place=True)
        image.load()  # before the file is closed
        pixels = np.asarray(to_mode(to_bytes(image, depth), MODES[channels]))
        return pixels.reshape(*pixels.shape[:2], channels)


def is_turned(file: Path | BytesIO) -> bool:
    """Whether a file's EXIF data say that its pixels are to be turned or mirrored; a file that can be read."""
    with Image.open(file) as image:
        return bool(image.getexif().get(ExifTags.Base.Orientation, 1) != 1)


def _plain_jpeg(content: bytes, channels: int) -> np.ndarray | None:
    """The pixels of a JPEG file, of which ``content`` is what follows its first bytes, ``JPEG``: the same as Pillow's,
    in half of its time, while other threads run (docs/decisions/0034). None for one that is to be turned or converted,
    and for one that is damaged or too large: Pillow says whether and how it can be read.
    """
    content = JPEG + content
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(content)
        if colours not in JPEG_COLOURS[channels] or height * width > (Image.MAX_IMAGE_PIXELS or np.inf):
            return None
        if any(name in content for name in MAY_TURN) and is_turned(BytesIO(content)):
            return None
        to = {1: "GRAY", 3: "RGB"}[channels]
        pixels: np.ndarray = simplejpeg.decode_jpeg(content, to, fastdct=False, fastupsample=False)
    except UNREADABLE:
        return None
    return pixels


def padded(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """uint8 (h, w, c) as (height, width, c): made smaller, with its aspect ratio, where it is too large, and black
    below and to the right where it is smaller."""
    image = resize(image[None], fitting((image.shape[0], image.shape[1]), size))[0]
    return np.pad(image, ((0, size[0] - image.shape[0]), (0, size[1] - image.shape[1]), (0, 0)))


def centre(width: int, height: int, wanted_width: int, wanted_height: int) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of the largest centred part of an image whose aspect ratio is the wanted one."""
    if width * wanted_height >= height * wanted_width:
        cut_width, cut_height = max(1, round(height * wanted_width / wanted_height)), height
    else:
        cut_width, cut_height = width, max(1, round(width * wanted_height / wanted_width))
    left, top = (width - cut_width) // 2, (height - cut_height) // 2
    return left, top, left + cut_width, top + cut_height


def fitting(size: tuple[int, int], frame: tuple[int, int]) -> tuple[int, int]:
    """(height, width) of an image of ``size`` in the ``frame``: smaller, with its aspect ratio, if it is too large.

    >>> fitting((100, 300), (50, 60)), fitting((10, 20), (50, 60))
    ((20, 60), (10, 20))
    """
    factor = min(1.0, frame[0] / size[0], frame[1] / size[1])
    height, width = (min(most, max(1, round(side * factor))) for side, most in zip(size, frame, strict=True))
    return height, width


MODES = {1: "L", 3: "RGB"}
"""Channels -> Pillow's name for such images."""
JPEG = b"\xff\xd8\xff"
JPEG_COLOURS = {1: ("Gray",), 3: ("YCbCr", "RGB")}
"""Channels -> what simplejpeg calls the colours of a file that has as many."""
MAY_TURN = (b"Exif", b"tiff:Orientation")
"""What is in every file that says how the image is to be turned."""


BITS_PER_SAMPLE = 258  # TIFF's tag


def bits(image: Image.Image) -> int:
    """Of one grey pixel, where there are more than 8: what a TIFF says (12, say), 16 at most; else 16."""
    return min(16, *getattr(image, "tag_v2", {}).get(BITS_PER_SAMPLE, ()), 16)


def to_bytes(image: Image.Image, depth: int) -> Image.Image:
    """Grey pixels of more than 8 bits as bytes, 255 for the largest value that their depth has; others as they are.

    Floats are in [0, 1]. Raises ValueError for values outside of their range; Pillow itself would cut at 255.
    """
    if image.mode not in ("I", "F") and not image.mode.startswith("I;16"):
        return image
    values, largest = np.asarray(image).astype(np.float64), 1 if image.mode == "F" else 2**depth - 1
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= largest):
        raise ValueError(f"its values go from {low:g} to {high:g}, not from 0 to {largest}")
    return Image.fromarray(np.rint(values * (255 / largest)).astype(np.uint8))


def to_mode(image: Image.Image, mode: str) -> Image.Image:
    """Convert grey, palette, CMYK and transparent images to "RGB" or "L"; transparency shows black.

    Black, because zero is also what the augmentation pads with. Colour profiles are not applied.
    """
    if image.has_transparency_data:
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, image.convert("RGBA"))
    return image if image.mode == mode else image.convert(mode)


def to_channels(images: np.ndarray, channels: int) -> np.ndarray:
    """uint8 (n, h, w, 1 or 3) with so many channels: grey three times, or the luma of RGB, as Pillow computes it."""
    if images.shape[-1] == channels:
        return images
    if channels == 3:
        return np.repeat(images, 3, axis=3)
    grey = [np.asarray(Image.fromarray(image).convert("L")) for image in images]
    return np.stack(grey)[..., None] if grey else images[..., :1]


def resize(images: np.ndarray, size: Size) -> np.ndarray:
    """Resize uint8 (n, h, w, c) to uint8 (n, height, width, c), bilinearly; the same array if it has that size."""
    if images.shape[1:3] == sides(size):
        return images
    return _resized(images, [None] * len(images), sides(size))


def cut_out(images: np.ndarray, corners: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """The part of each of uint8 (n, h, w, c) that ``Parts.corners`` says, resized bilinearly to (height, width)."""
    return _resized(images, [_box(part, images.shape[2:0:-1]) for part in corners], size)


Box = tuple[float, float, float, float]
"""(left, top, right, bottom) in pixels."""


def _box(part: np.ndarray, size: tuple[int, ...]) -> Box:
    """A row of ``Parts.corners`` in the pixels of an image of (width, height)."""
    (top, left, bottom, right), (width, height) = part.tolist(), size
    return left * width, top * height, right * width, bottom * height


def _resized(images: np.ndarray, boxes: Sequence[Box | None], size: tuple[int, ...]) -> np.ndarray:
    (height, width), channels = size, images.shape[3]
    resized = np.empty((len(images), height, width, channels), np.uint8)
    for index, (image, box) in enumerate(zip(images, boxes, strict=True)):
        # one by one: two channels are no mode of Pillow's, four would be weighted by the last
        for own in [slice(None)] if channels == 3 else range(channels):
            pixels = Image.fromarray(image[..., own])
            resized[index, ..., own] = np.asarray(pixels.resize((width, height), Image.Resampling.BILINEAR, box))
    return resized
