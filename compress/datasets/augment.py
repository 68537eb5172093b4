"""Random crops and flips of training images, as in the CIFAR papers, other light and colours, and motion blur."""

from typing import Annotated

import numpy as np
from pydantic import Field

from compress.config import config
from compress.datasets import motion_blur
from compress.targets import Geometry

BlurLength = Annotated[float, Field(ge=0, le=motion_blur.LONGEST)]


@config
class Augmentation:
    """Pad with black by ``crop_padding`` pixels and cut the old size back out at random; mirror every second image.

    Which ones are mirrored is drawn with p = 1/2. The defaults change nothing.
    """

    crop_padding: Annotated[int, Field(ge=0)] = 0
    """Pixels of black around an image, out of which one of the old size is cut at random."""
    flip: bool = False
    """Mirrors every second image."""
    colour: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Brightness, contrast and saturation change by a factor each, between 1 - colour and 1 + colour."""

    blur: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The share of the images that motion blurs."""
    blur_lengths: tuple[BlurLength, BlurLength] = (0.05, 0.15)
    """How far it moves them, in parts of the width: drawn between the two."""

    @property
    def changes_images(self) -> bool:
        return bool(self.crop_padding) or self.flip or self.changes_pixels

    @property
    def changes_pixels(self) -> bool:
        """Whether the values of pixels change, and not their places alone: of images of bytes."""
        return bool(self.colour or self.blur)

    def draw(self, count: int, height: int, width: int, rng: np.random.Generator) -> Geometry:
        """What happens to each of ``count`` images of height x width.

        Draws from ``rng`` the crops' tops, then their lefts, then the flips, and nothing for what is switched off.
        """
        tops = lefts = np.zeros(count, np.int64)
        mirrored = np.zeros(count, bool)
        if self.crop_padding:
            tops = rng.integers(0, 2 * self.crop_padding + 1, count)
            lefts = rng.integers(0, 2 * self.crop_padding + 1, count)
        if self.flip:
            mirrored = rng.integers(0, 2, count).astype(bool)
        return Geometry(height, width, self.crop_padding, tops, lefts, mirrored)

    def of_pixels(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """uint8 (n, height, width, channels) in another light, some of them blurred; draws from ``rng`` only what is
        asked for."""
        if self.colour:
            images = recoloured(images, *rng.uniform(1 - self.colour, 1 + self.colour, (3, len(images))))
        if self.blur:
            chosen = rng.random(len(images)) < self.blur
            images = np.where(chosen[:, None, None, None], motion_blur.drawn(images, self.blur_lengths, rng), images)
        return images


def recoloured(images: np.ndarray, brightness: np.ndarray, contrast: np.ndarray, saturation: np.ndarray) -> np.ndarray:
    """uint8 (n, h, w, c), each multiplied by its brightness, its distance from its own mean by its contrast, and that
    of a pixel's colours from their mean by its saturation; factors (n,) each."""
    light, depth, colours = (
        factors.astype(np.float32)[:, None, None, None] for factors in (brightness, contrast, saturation)
    )
    values = images.astype(np.float32) * light
    values = (values - (mean := values.mean(axis=(1, 2, 3), keepdims=True))) * depth + mean
    values = (values - (grey := values.mean(axis=3, keepdims=True))) * colours + grey
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
