"""From an image file, or an array of another size, to uint8 RGB pixels at the model's size."""

import struct
import zlib
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageOps

Fit = Literal["stretch", "crop"]

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


def decode(path: Path, size: int, fit: Fit = "stretch") -> np.ndarray:
    """Read one image file whole: uint8 (size, size, 3), RGB, 0 to 255.

    The EXIF rotation is applied; an animation gives its first frame. ``fit="stretch"`` resizes without regard to the
    aspect ratio, ``fit="crop"`` cuts the largest centred square first; both resize bilinearly.
    Raises one of ``UNREADABLE`` when the file is damaged, truncated, no image, or of a mode without a known range.
    """
    with Image.open(path) as opened:
        image = to_rgb(ImageOps.exif_transpose(opened))
    if fit == "crop":
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(image)


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert grey, 16-bit grey, palette, CMYK and transparent images to RGB; transparency shows black.

    Black, because zero is also what the augmentation pads with. Colour profiles are not applied.
    Raises ValueError for the modes "I" and "F", whose range is not known.
    """
    if image.mode.startswith("I;16"):
        # Pillow would clip at 255; the high byte is what it takes itself from 16-bit colour.
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError(f"pixels of mode {image.mode} have no known range")
    if image.has_transparency_data:
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, image.convert("RGBA"))
    return image.convert("RGB")


def resize(images: np.ndarray, size: int) -> np.ndarray:
    """Resize uint8 (n, h, w, 3) to uint8 (n, size, size, 3), bilinearly; the same array if it has that size."""
    if images.shape[1:3] == (size, size):
        return images
    resized = np.empty((len(images), size, size, 3), np.uint8)
    for index, image in enumerate(images):
        resized[index] = np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR))
    return resized
