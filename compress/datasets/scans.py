"""scikit-learn's scans of handwritten digits, 1797 of 8x8, in the three parts that every data set of them uses."""

import numpy as np

from compress.datasets.base import TEST_FRACTION, TEST_SEED, VALIDATION_FRACTION, VALIDATION_SEED
from compress.datasets.splits import hold_out
from compress.targets import ClassIndices

PARTS = ("train", "validation", "test")


def scans() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Part -> (uint8 (n, 8, 8, 1) grey images, int64 (n,) digits): 1294 for training, 144 for validation, 359 for test.

    The source has no test split: a stratified 20 % is held out with a constant seed, the same in every run.
    """
    from sklearn.datasets import load_digits

    source = load_digits()
    images, digits = to_bytes(source.images)[..., None], ClassIndices(source.target)
    rest, test = hold_out(digits, TEST_FRACTION, TEST_SEED)
    train, validation = (rest[part] for part in hold_out(digits.take(rest), VALIDATION_FRACTION, VALIDATION_SEED))
    rows = dict(zip(PARTS, (train, validation, test), strict=True))
    return {part: (images[indices], digits.labels[indices]) for part, indices in rows.items()}


def to_bytes(values: np.ndarray) -> np.ndarray:
    """Scale ink counts 0..16 to uint8 0..255: round(v * 255 / 16)."""
    return np.rint(values * (255 / 16)).astype(np.uint8)
