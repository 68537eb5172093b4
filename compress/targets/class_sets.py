"""Several classes an example, or none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from compress.targets.geometry import Movement


@dataclass(frozen=True, eq=False)
class ClassSets:
    """``present``: float32 (n, classes), 1 for a class that the example has and 0 for another."""

    present: np.ndarray
    PLACES: ClassVar[bool] = False

    def __post_init__(self) -> None:
        present = np.asarray(self.present, np.float32)
        if present.ndim != 2 or not np.isin(present, (0, 1)).all():
            raise ValueError(f"class sets should be 0 and 1, (n, classes), not {present.shape}")
        object.__setattr__(self, "present", present)

    def __len__(self) -> int:
        return len(self.present)

    def take(self, rows: np.ndarray) -> Self:
        return type(self)(self.present[rows])

    def moved(self, movement: Movement) -> Self:
        return self

    def mixed(self, others: np.ndarray, shares: np.ndarray) -> "MixedSets":
        own = shares[:, None]
        return MixedSets(own * self.present + (1 - own) * self.present[others])

    def arrays(self) -> Mapping[str, np.ndarray]:
        """``present``, float32 (n, classes)."""
        return {"present": self.present}

    def strata(self) -> np.ndarray | None:
        """None: there may be as many different sets as examples."""
        return None

    def digest(self) -> bytes:
        return f"{self.present.shape}".encode() + np.packbits(self.present.astype(bool)).tobytes()


class MixedSets(ClassSets):
    """``present``: float32 (n, classes), the share of the example that has a class, in [0, 1]."""

    def __post_init__(self) -> None:
        pass
