"""Random crops and flips of training images, as in the CIFAR papers."""

from typing import Annotated

import numpy as np
from pydantic import Field

from compress.config import config


@config
class Augmentation:
    """Pad with black by ``crop_padding`` pixels and cut the old size back out at random; mirror every second image.

    Which ones are mirrored is drawn with p = 1/2. The defaults change nothing.
    """

    crop_padding: Annotated[int, Field(ge=0)] = 0
    flip: bool = False

    @property
    def changes_images(self) -> bool:
        return bool(self.crop_padding) or self.flip

    def apply(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Augment every image on its own draw: uint8 (n, h, w, c) to uint8 (n, h, w, c); ``images`` stay as they are.

        Draws from ``rng`` the crops' tops, then their lefts, then the flips, and nothing for what is switched off.
        """
        if self.crop_padding:
            tops = rng.integers(0, 2 * self.crop_padding + 1, len(images))
            lefts = rng.integers(0, 2 * self.crop_padding + 1, len(images))
            images = padded_crop(images, self.crop_padding, tops, lefts)
        if self.flip:
            images = flipped(images, rng.integers(0, 2, len(images)).astype(bool))
        return images


def padded_crop(images: np.ndarray, padding: int, tops: np.ndarray, lefts: np.ndarray) -> np.ndarray:
    """Pad (n, h, w, c) with zeros on all four sides and cut h x w out of each at its top, left in [0, 2 * padding]."""
    count, height, width, _ = images.shape
    padded = np.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    rows = tops[:, None] + np.arange(height)
    columns = lefts[:, None] + np.arange(width)
    return padded[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]


def flipped(images: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Mirror left-right those of (n, h, w, c) whose ``which``, bool (n,), is true."""
    return np.where(which[:, None, None, None], images[:, :, ::-1], images)
