"""Drawn circles, squares and triangles on textured ground: made from a seed in seconds, there without a download."""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import PlainValidator

from compress.config import Count, config
from compress.datasets.base import DatasetConfig, checked_size
from compress.datasets.crowd import ground
from compress.datasets.images import Size, sides, to_channels
from compress.datasets.splits import ArraySplit, Dataset
from compress.metrics.boxes import iou
from compress.metrics.detection import COUNTS
from compress.targets import Boxes

VALIDATION, TEST = 100, 200  # pictures
SEEDS = {"train": 61, "validation": 62, "test": 63}
NAMES = ("circle", "square", "triangle")
CORNERS = {"square": 4, "triangle": 3}
MOST = 5  # shapes in a picture
SMALLEST, LARGEST = 0.2, 0.5  # diameter of a shape, in parts of the shorter side
APART = 0.1  # the largest IoU of two shapes
FINER = 4  # times, in which edges are drawn


@config
class Shapes(DatasetConfig):
    """``pictures`` for training, 100 for validation and 200 for test, of one to five circles, squares and triangles
    each, turned and in any colour; they hardly overlap. The seeds are constant."""

    name: Literal["shapes"] = "shapes"
    size: Annotated[Size, PlainValidator(lambda value: sides(checked_size(value)))] = (128, 128)  # type: ignore[assignment]
    """[height, width] of the images in pixels; multiples of 32."""
    pictures: Count = 600
    """Number of training pictures. The first ones are the same whatever the number is."""

    def load(self, data_dir: Path | None = None, skip_bad_images: bool = False) -> Dataset:
        """See ``DatasetConfig.load``; the pictures are drawn, so both arguments change nothing."""
        splits, size = {}, sides(self.size)
        for part, count in {"train": self.pictures, "validation": VALIDATION, "test": TEST}.items():
            rng = np.random.default_rng(SEEDS[part])
            pictures = [picture(size, rng) for _ in range(count)]
            images = to_channels(np.stack([image for image, _ in pictures]), self.channels)
            splits[part] = ArraySplit(images, Boxes.of([boxes for _, boxes in pictures], size, MOST))
        notes = [f"1 to {MOST} shapes in each of the drawn pictures, {size[0]}x{size[1]}"]
        train, validation, test = (splits[part] for part in SEEDS)
        return Dataset.of(self.name, NAMES, train, validation, test, notes, "detection")


def picture(size: tuple[int, int], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(uint8 (*size, 3), its boxes as ``Boxes`` has them: float64 (k, 6))."""
    image = ground(size, rng)
    boxes = np.empty((0, Boxes.COLUMNS))
    wanted = int(rng.integers(1, MOST + 1))
    for _ in range(10 * MOST):
        number, radius = int(rng.integers(len(NAMES))), float(rng.uniform(SMALLEST, LARGEST) * min(size) / 2)
        y, x = (float(rng.uniform(radius, side - radius)) for side in size)
        angle, colour = float(rng.uniform(0, 2 * np.pi)), rng.uniform(0, 255, 3)
        mask = _mask(NAMES[number], radius, angle)
        rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
        top, left = int(y) - mask.shape[0] // 2, int(x) - mask.shape[1] // 2
        box = np.array([top + rows[0], left + columns[0], top + rows[-1] + 1, left + columns[-1] + 1], float)
        box = np.clip(box, 0, np.tile(size, 2))
        if len(boxes) and iou(box[None], boxes[:, :4]).max() > APART:
            continue
        _paint(image, mask, top, left, _seen_against(image, box, colour))
        boxes = np.vstack([boxes, [*box, number, COUNTS]])
        if len(boxes) == wanted:
            break
    noise = rng.normal(0, 6, image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8), boxes


def _mask(name: str, radius: float, angle: float) -> np.ndarray:
    """How much of each pixel the shape covers, in [0, 1]: a square patch with the shape in its middle."""
    from PIL import Image, ImageDraw

    side = 2 * int(np.ceil(radius)) + 2
    patch = Image.new("L", (FINER * side, FINER * side))
    canvas, middle = ImageDraw.Draw(patch), FINER * side / 2
    if name in CORNERS:
        angles = angle + 2 * np.pi * np.arange(CORNERS[name]) / CORNERS[name]
        around = middle + FINER * radius * np.column_stack([np.cos(angles), np.sin(angles)])
        canvas.polygon([(float(x), float(y)) for x, y in around], fill=255)
    else:
        low, high = middle - FINER * radius, middle + FINER * radius
        canvas.ellipse([low, low, high, high], fill=255)
    return np.asarray(patch.resize((side, side), Image.Resampling.BOX), np.float64) / 255


def _seen_against(image: np.ndarray, box: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """The colour, or its opposite where it is hardly another than the ground's."""
    top, left, bottom, right = box.astype(int)
    there = image[top:bottom, left:right].mean(axis=(0, 1))
    return colour if np.abs(colour - there).max() > 60 else (there + 128) % 256


def _paint(image: np.ndarray, mask: np.ndarray, top: int, left: int, colour: np.ndarray) -> None:
    """Draws into ``image`` what of the patch lies in it."""
    above, before = max(0, -top), max(0, -left)
    part = image[max(0, top) : top + mask.shape[0], max(0, left) : left + mask.shape[1]]
    covered = mask[above : above + part.shape[0], before : before + part.shape[1], None]
    part += covered * (colour - part)
