"""One class an example."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from compress.targets.geometry import Movement


@dataclass(frozen=True, eq=False)
class ClassIndices:
    """``labels``: int64 (n,), each in [0, number of classes)."""

    labels: np.ndarray
    PLACES: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", np.asarray(self.labels, np.int64))

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: np.ndarray) -> Self:
        return type(self)(self.labels[rows])

    def moved(self, movement: Movement) -> Self:
        return self

    def mixed(self, others: np.ndarray, shares: np.ndarray) -> "MixedClasses":
        return MixedClasses(self.labels, self.labels[others], shares)

    def arrays(self) -> Mapping[str, np.ndarray]:
        """``labels``, int64 (n,)."""
        return {"labels": self.labels}

    def strata(self) -> np.ndarray | None:
        """The classes."""
        return self.labels

    def digest(self) -> bytes:
        return self.labels.astype("<i8").tobytes()


@dataclass(frozen=True, eq=False)
class MixedClasses(ClassIndices):
    """``labels`` hold to the ``shares``, float32 (n,) in [0, 1], and ``other_labels``, int64 (n,), to the rest."""

    other_labels: np.ndarray
    shares: np.ndarray

    def take(self, rows: np.ndarray) -> Self:
        return type(self)(self.labels[rows], self.other_labels[rows], self.shares[rows])

    def arrays(self) -> Mapping[str, np.ndarray]:
        """``labels`` and ``other_labels``, int64 (n,); ``shares``, float32 (n,)."""
        return {"labels": self.labels, "other_labels": self.other_labels, "shares": self.shares}
