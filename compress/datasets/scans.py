"""scikit-learn's scans of handwritten digits, 1797 of 8x8, in the three parts that every data set of them uses."""

import numpy as np

from compress.datasets.missing_splits import held_out_rows
from compress.targets import ClassIndices

PARTS = ("train", "validation", "test")


def scans() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Part -> (uint8 (n, 8, 8, 1) grey images, int64 (n,) digits): 1294 for training, 144 for validation, 359 for test.

    The source has no test split: a stratified 20 % is held out with a constant seed, the same in every run.
    """
    from sklearn.datasets import load_digits

    source = load_digits()
    images, digits = to_bytes(source.images)[..., None], ClassIndices(source.target)
    rows = held_out_rows({"train": digits})
    return {part: (images[rows[part]], digits.labels[rows[part]]) for part in PARTS}


def to_bytes(values: np.ndarray) -> np.ndarray:
    """Scale ink counts 0..16 to uint8 0..255: round(v * 255 / 16)."""
    return np.rint(values * (255 / 16)).astype(np.uint8)
