"""Drawn crowds, seen in perspective: made from a seed in a second, there without a download."""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import PlainValidator

from compress.config import config
from compress.datasets.base import DatasetConfig, checked_size
from compress.datasets.images import Size, sides, to_channels
from compress.datasets.kernels import AnyKernel, Fixed, with_spreads
from compress.datasets.splits import ArraySplit, Dataset
from compress.targets import Points

PARTS = {"train": (400, 51), "validation": (80, 52), "test": (120, 53)}  # (images, seed)
FEWEST, MOST = 5, 80  # people in a picture
NEAR, FAR = 8.0, 2.0  # radius of a head at the lower and at the upper border, of pictures 96 pixels high
HEIGHT = 96


@config
class Crowd(DatasetConfig):
    """400 training, 80 validation and 120 test pictures of 5 to 80 people each, on a textured ground.

    Heads are ellipses that grow from 2 pixels of radius at the top to 8 at the bottom of a picture 96 pixels high, with
    shoulders below; nearer ones hide those behind. How many there are and where is drawn evenly, with constant seeds.
    """

    name: Literal["crowd"] = "crowd"
    size: Annotated[Size, PlainValidator(lambda value: sides(checked_size(value)))] = (96, 128)  # type: ignore[assignment]
    """[height, width] of the images in pixels."""
    kernel: AnyKernel = Fixed(spread=3.0)
    """Gaussian kernel that spreads each point in the density map: of fixed width, or adapted to the nearest
    neighbours."""

    def load(self, data_dir: Path | None = None, skip_bad_images: bool = False) -> Dataset:
        """See ``DatasetConfig.load``; the pictures are drawn, so both arguments change nothing."""
        splits = {}
        size = sides(self.size)
        for part, (count, seed) in PARTS.items():
            rng = np.random.default_rng(seed)
            pictures = [picture(size, rng) for _ in range(count)]
            images = to_channels(np.stack([image for image, _ in pictures]), self.channels)
            points = Points.of([with_spreads(heads, self.kernel) for _, heads in pictures], size, MOST)
            splits[part] = ArraySplit(images, points)
        notes = [f"{FEWEST} to {MOST} people in each of the drawn pictures, {size[0]}x{size[1]}"]
        train, validation, test = (splits[part] for part in PARTS)
        return Dataset.of(self.name, ["people"], train, validation, test, notes, "counting")


def picture(size: tuple[int, int], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(uint8 (*size, 3), y and x of each head: float64 (k, 2))."""
    height, width = size
    image = ground(size, rng)
    count = int(rng.integers(FEWEST, MOST + 1))
    heads = np.column_stack([rng.uniform(0.05, 0.95, count) * height, rng.uniform(0, 1, count) * width])
    heads = heads[np.argsort(heads[:, 0])]  # from far to near
    skin = rng.uniform(90, 230, (count, 1)) * np.array([1.0, 0.82, 0.7])
    clothes = rng.uniform(0, 255, (count, 3))
    for (y, x), face, coat in zip(heads, skin, clothes, strict=True):
        radius = (FAR + (NEAR - FAR) * y / height) * height / HEIGHT
        _ellipse(image, y + 1.8 * radius, x, radius, 1.3 * radius, coat)
        _ellipse(image, y, x, radius, 0.8 * radius, face)
    noise = rng.normal(0, 6, image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8), heads


def ground(size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A texture of patches of several sizes around one colour: float64 (*size, 3), about 0 to 255."""
    height, width = size
    image = np.broadcast_to(rng.uniform(60, 180, 3), (height, width, 3)).copy()
    for cell, strength in ((32, 25.0), (8, 18.0), (2, 10.0)):
        patches = rng.normal(0, strength, (-(-height // cell), -(-width // cell)))
        image += np.kron(patches, np.ones((cell, cell)))[:height, :width, None]
    return image


def _ellipse(image: np.ndarray, y: float, x: float, tall: float, wide: float, colour: np.ndarray) -> None:
    """Draws into ``image``, lit from above; ``tall`` and ``wide`` are half its axes."""
    top, bottom = max(0, int(y - tall)), min(image.shape[0], int(y + tall) + 2)
    left, right = max(0, int(x - wide)), min(image.shape[1], int(x + wide) + 2)
    if top >= bottom or left >= right:
        return
    down = (np.arange(top, bottom)[:, None] + 0.5 - y) / tall
    across = (np.arange(left, right)[None, :] + 0.5 - x) / wide
    inside = np.clip((1 - np.sqrt(down**2 + across**2)) * tall, 0, 1)[..., None]  # its edge is a pixel wide
    part = image[top:bottom, left:right]
    part += inside * (colour * (1 - 0.25 * down[..., None]) - part)
