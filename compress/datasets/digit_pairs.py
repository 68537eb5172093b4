"""Two scans of handwritten digits side by side: which digits are there? Real scans, there without a download."""

from pathlib import Path
from typing import Literal

import numpy as np

from compress.config import config
from compress.datasets.base import DatasetConfig, PixelSize
from compress.datasets.images import to_channels
from compress.datasets.scans import PARTS, scans
from compress.datasets.splits import ArraySplit, Dataset
from compress.targets import ClassSets

PAIRS = {"train": 3000, "validation": 300, "test": 600}
SEEDS = {"train": 31, "validation": 32, "test": 33}
DIGITS = 10


@config
class DigitPairs(DatasetConfig):
    """3000 training, 300 validation and 600 test images, each of two scans side by side, and the digits that it shows.

    The scans are those of ``digits``, drawn with constant seeds, so that no scan is in two splits. A pair of the same
    digit shows one. ``size`` is [32, 64] by default.
    """

    name: Literal["digit_pairs"] = "digit_pairs"
    size: PixelSize = (32, 64)
    """[height, width] of the images in pixels."""

    def load(self, data_dir: Path | None = None, skip_bad_images: bool = False) -> Dataset:
        """See ``DatasetConfig.load``; the scans come with scikit-learn, so both arguments change nothing."""
        source = scans()
        splits = []
        for part in PARTS:
            images, digits = source[part]
            chosen = np.random.default_rng(SEEDS[part]).choice(len(images) ** 2, PAIRS[part], replace=False)
            pairs = np.stack(np.divmod(chosen, len(images)), axis=1)
            both = np.concatenate([images[pairs[:, 0]], images[pairs[:, 1]]], axis=2)
            present = np.zeros((len(pairs), DIGITS), np.float32)
            np.put_along_axis(present, digits[pairs], 1, axis=1)
            splits.append(ArraySplit(to_channels(both, self.channels), ClassSets(present), self.size))
        train, validation, test = splits
        return Dataset.of(
            self.name, [str(digit) for digit in range(DIGITS)], train, validation, test, task="multi_label"
        )
