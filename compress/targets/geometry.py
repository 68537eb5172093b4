"""What an augmentation does to each image of a batch, drawn first and then applied to images and targets alike."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np


class Movement(Protocol):
    """Where things in each of n images go."""

    def of_places(self, places: np.ndarray) -> np.ndarray:
        """Places (n, k, 2), y and x in pixels from the upper left corner, after it: float64, some outside of the
        image."""
        ...

    @property
    def growth(self) -> np.ndarray:
        """By which factor things grow, the mean of height and width: float64 (n,)."""
        ...


@dataclass(frozen=True, eq=False)
class Parts:
    """A part of each of n images of (height, width) pixels takes its place, resized to the same shape.

    ``corners``: float64 (n, 4), top, left, bottom and right of the part in shares of the sides, in [0, 1]; a row of
    0, 0, 1, 1 is the whole image.
    """

    height: int
    width: int
    corners: np.ndarray

    def of_places(self, places: np.ndarray) -> np.ndarray:
        start, end = self.corners[:, None, :2], self.corners[:, None, 2:]
        frame = np.array([self.height, self.width])
        return (places - start * frame) / (end - start)

    @property
    def growth(self) -> np.ndarray:
        factors: np.ndarray = 1 / (self.corners[:, 2:] - self.corners[:, :2])
        return factors.mean(axis=1)


@dataclass(frozen=True, eq=False)
class Geometry:
    """A padded crop, then a mirroring, for each of n images of (height, width) pixels.

    The image gets ``padding`` black pixels on all four sides, and height x width pixels are cut out of that with their
    upper left corner at (``tops``, ``lefts``), int64 (n,) each in [0, 2 * padding]. Then those of ``mirrored``, bool
    (n,), are mirrored left to right. A padding of 0 and no mirrored image change nothing.
    """

    height: int
    width: int
    padding: int
    tops: np.ndarray
    lefts: np.ndarray
    mirrored: np.ndarray

    def of_images(self, images: np.ndarray) -> np.ndarray:
        """uint8 (n, height, width, channels), moved; ``images`` stay as they are."""
        if self.padding:
            images = padded_crop(images, self.padding, self.tops, self.lefts)
        if self.mirrored.any():
            images = flipped(images, self.mirrored)
        return images

    def of_places(self, places: np.ndarray) -> np.ndarray:
        """See ``Movement``."""
        shifts = np.stack([self.padding - self.tops, self.padding - self.lefts], axis=-1)
        moved = places.astype(np.float64) + shifts[:, None]
        moved[..., 1] = np.where(self.mirrored[:, None], self.width - moved[..., 1], moved[..., 1])
        return moved

    @property
    def growth(self) -> np.ndarray:
        """Nothing grows."""
        return np.ones(len(self.tops))


def padded_crop(images: np.ndarray, padding: int, tops: np.ndarray, lefts: np.ndarray) -> np.ndarray:
    """Pad (n, h, w, c) with zeros on all four sides and cut h x w out of each at its top, left in [0, 2 * padding]."""
    moved = np.zeros_like(images)
    for own, image, top, left in zip(moved, images, tops - padding, lefts - padding, strict=True):
        (down, rows), (right, columns) = _overlap(top, len(image)), _overlap(left, image.shape[1])
        own[down, right] = image[rows, columns]
    return moved


def _overlap(start: int, length: int) -> tuple[slice, slice]:
    """Of ``length`` pixels from ``start`` on: which of them, and which of the image's, are the same."""
    return slice(max(0, -start), max(0, length - max(0, start))), slice(max(0, start), max(0, length + min(0, start)))


def flipped(images: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Mirror left-right those of (n, h, w, c) whose ``which``, bool (n,), is true."""
    moved = images.copy()
    moved[which] = images[which, :, ::-1]
    return moved
