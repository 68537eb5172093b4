"""scikit-learn's handwritten digits: 1797 images of 8x8, there without a download."""

from pathlib import Path
from typing import Literal

import numpy as np

from compress.config import config
from compress.datasets.base import TEST_FRACTION, TEST_SEED, VALIDATION_FRACTION, VALIDATION_SEED, DatasetConfig
from compress.datasets.images import to_channels
from compress.datasets.splits import ArraySplit, Dataset, hold_out


@config
class Digits(DatasetConfig):
    """1294 training, 144 validation and 359 test images of the digits 0 to 9, as grey RGB, or grey.

    The source has no test split: a stratified 20 % is held out with a constant seed, the same in every run.
    """

    name: Literal["digits"] = "digits"

    def load(self, data_dir: Path | None = None, skip_bad_images: bool = False) -> Dataset:
        """See ``DatasetConfig.load``; the images come with scikit-learn, so both arguments change nothing."""
        from sklearn.datasets import load_digits

        source = load_digits()
        grey = to_bytes(source.images)
        images = to_channels(grey[..., None], self.channels)
        labels = source.target.astype(np.int64)

        rest, test = hold_out(labels, TEST_FRACTION, TEST_SEED)
        train, validation = (rest[part] for part in hold_out(labels[rest], VALIDATION_FRACTION, VALIDATION_SEED))
        train_split, validation_split, test_split = (
            ArraySplit(images[part], labels[part], self.size) for part in (train, validation, test)
        )
        classes = [str(digit) for digit in range(10)]
        return Dataset.of(self.name, classes, train_split, validation_split, test_split)


def to_bytes(values: np.ndarray) -> np.ndarray:
    """Scale ink counts 0..16 to uint8 0..255: round(v * 255 / 16)."""
    return np.rint(values * (255 / 16)).astype(np.uint8)
