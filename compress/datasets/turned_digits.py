"""Scans of handwritten digits, turned: by how many degrees? Real scans, there without a download."""

from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from compress.config import config
from compress.datasets.base import DatasetConfig
from compress.datasets.images import resize, to_channels
from compress.datasets.scans import PARTS, scans
from compress.datasets.splits import ArraySplit, Dataset
from compress.targets import Quantities

MOST_DEGREES = 45.0
SEEDS = {"train": 41, "validation": 42, "test": 43}
COPIES = 3  # of each training scan, each turned anew
SIDE = 32  # pixels, at which scans are turned


@config
class TurnedDigits(DatasetConfig):
    """3882 training, 144 validation and 359 test images of one digit each, turned by -45 to 45 degrees.

    The angle is drawn evenly, with constant seeds, and counts counter-clockwise; each training scan is there three
    times. Corners that a turn lays bare are black, as the scans' own ground is.
    """

    name: Literal["turned_digits"] = "turned_digits"

    def load(self, data_dir: Path | None = None, skip_bad_images: bool = False) -> Dataset:
        """See ``DatasetConfig.load``; the scans come with scikit-learn, so both arguments change nothing."""
        source = scans()
        splits = []
        for part in PARTS:
            images = np.repeat(resize(source[part][0], SIDE), COPIES if part == "train" else 1, axis=0)
            angles = np.random.default_rng(SEEDS[part]).uniform(-MOST_DEGREES, MOST_DEGREES, len(images))
            turned = to_channels(np.stack([turn(*pair) for pair in zip(images, angles, strict=True)]), self.channels)
            splits.append(ArraySplit(turned, Quantities(angles[:, None]), self.size))
        train, validation, test = splits
        return Dataset.of(self.name, ["degrees"], train, validation, test, task="regression")


def turn(image: np.ndarray, degrees: float) -> np.ndarray:
    """uint8 (h, w, 1) turned counter-clockwise about its middle, bilinearly, with black around it."""
    turned = Image.fromarray(image[..., 0]).rotate(float(degrees), Image.Resampling.BILINEAR)
    return np.asarray(turned)[..., None]
