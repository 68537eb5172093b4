"""One class an example."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from compress.targets.geometry import Geometry


@dataclass(frozen=True, eq=False)
class ClassIndices:
    """``labels``: int64 (n,), each in [0, number of classes)."""

    labels: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", np.asarray(self.labels, np.int64))

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: np.ndarray) -> Self:
        return type(self)(self.labels[rows])

    def moved(self, geometry: Geometry) -> Self:
        return self

    def arrays(self) -> Mapping[str, np.ndarray]:
        """``labels``, int64 (n,)."""
        return {"labels": self.labels}

    def strata(self) -> np.ndarray | None:
        """The classes."""
        return self.labels

    def digest(self) -> bytes:
        return self.labels.astype("<i8").tobytes()
