"""What a step of an augmentation is to ``Augmentation``, and to the contract tests."""

from typing import Protocol, runtime_checkable

import numpy as np

from compress.datasets.splits import Dataset
from compress.errors import UserError
from compress.targets import Targets


@runtime_checkable
class Step(Protocol):
    """A frozen config; its fields are the step's settings in a pipeline file."""

    def check(self, data: Dataset) -> None:
        """Raises UserError for data to which it cannot be done, or whose targets would not stay true."""
        ...

    def of(self, images: np.ndarray, targets: Targets, rng: np.random.Generator) -> tuple[np.ndarray, Targets]:
        """(n, ...) examples and their targets, after it: new arrays of the same shape and dtype.

        All that is random comes from ``rng``.
        """
        ...


def check_images(what: str, data: Dataset) -> None:
    """Raises UserError for data that are no images of bytes; ``what`` is for these."""
    if data.dtype != "uint8" or len(data.shape) != 3:
        shape = "x".join(map(str, data.shape))
        raise UserError(f"[data] augmentation: {what} needs uint8 images, but the data are {data.dtype} of {shape}")
