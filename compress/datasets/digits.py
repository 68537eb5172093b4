"""scikit-learn's handwritten digits: 1797 images of 8x8, there without a download."""

from pathlib import Path
from typing import Literal

from compress.config import config
from compress.datasets.base import DatasetConfig
from compress.datasets.images import to_channels
from compress.datasets.scans import PARTS, scans
from compress.datasets.splits import ArraySplit, Dataset
from compress.targets import ClassIndices


@config
class Digits(DatasetConfig):
    """1294 training, 144 validation and 359 test images of the digits 0 to 9, as grey RGB, or grey."""

    name: Literal["digits"] = "digits"

    def load(self, data_dir: Path | None = None, skip_bad_images: bool = False) -> Dataset:
        """See ``DatasetConfig.load``; the images come with scikit-learn, so both arguments change nothing."""
        parts = scans()
        train, validation, test = [
            ArraySplit(to_channels(images, self.channels), ClassIndices(digits), self.size)
            for images, digits in (parts[part] for part in PARTS)
        ]
        return Dataset.of(self.name, [str(digit) for digit in range(10)], train, validation, test)
