"""Motion blur, as of a camera that moves while the shutter is open: a straight line, in any direction.

It works on images as a network reads them: where they were padded, widths include the black bands beside the photo.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from compress.targets import Parts

SEED = 71  # of the directions in which test images are blurred
LONGEST = 0.5  # of the width: longer lines leave nothing to be seen


def kernel(length: float, angle: float) -> np.ndarray:
    """float64 (side, side) of sum 1: a line of ``length`` pixels through the middle, at ``angle`` (radians, 0 along the
    width), smooth at its edges. A length of 1 is a single pixel, which changes nothing.
    """
    half = max(0.0, (length - 1) / 2)
    reach = int(np.ceil(half))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(float)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    beyond = np.maximum(np.abs(along) - half, 0)
    weights = np.maximum(0, 1 - np.hypot(beyond, across))
    return weights / weights.sum()


def blurred(images: np.ndarray, lengths: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """uint8 (n, h, w, c), each blurred by a line of so many pixels at that angle, (n,) both; what lies beyond the
    borders is their mirror image."""
    from scipy.signal import fftconvolve

    result = images.copy()
    for row, (length, angle) in enumerate(zip(lengths, angles, strict=True)):
        if length <= 1:
            continue
        line = kernel(float(length), float(angle))
        reach = line.shape[0] // 2
        wide = np.pad(images[row].astype(np.float64), ((reach, reach), (reach, reach), (0, 0)), mode="symmetric")
        moved = fftconvolve(wide, line[..., None], mode="valid", axes=(0, 1))
        result[row] = np.clip(np.rint(moved), 0, 255).astype(np.uint8)
    return result


def drawn(
    images: np.ndarray, shares: tuple[float, float], rng: np.random.Generator, chosen: np.ndarray | float = 1.0
) -> np.ndarray:
    """The images (n, h, w, c), each blurred by a line whose length is drawn between two shares of the width, in a
    direction drawn from all. ``chosen``: bool (n,), which of them; the others stay as they are."""
    lengths = rng.uniform(*shares, len(images)) * images.shape[2] * chosen
    return blurred(images, lengths, rng.uniform(0, np.pi, len(images)))


@dataclass(frozen=True, eq=False)
class BlurredSplit:
    """The images of a split, each blurred by a line of that share of the width, in a direction that follows from its
    place in the split alone."""

    split: Any
    share: float

    @property
    def targets(self) -> Any:
        return self.split.targets

    @property
    def shape(self) -> tuple[int, ...]:
        shape: tuple[int, ...] = self.split.shape
        return shape

    def __len__(self) -> int:
        return len(self.split)

    def read(self, indices: np.ndarray, parts: Parts | None = None) -> np.ndarray:
        """See ``Split.read``."""
        images = self.split.read(indices, parts)
        angles = np.array([np.random.default_rng((SEED, int(index))).uniform(0, np.pi) for index in indices])
        return blurred(images, np.full(len(images), self.share * images.shape[2]), angles)
