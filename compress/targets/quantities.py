"""Numbers of an example: an angle, a weight, a temperature."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from compress.targets.geometry import Movement


@dataclass(frozen=True, eq=False)
class Quantities:
    """``values``: finite float32 (n, numbers), each column in its own unit."""

    values: np.ndarray
    PLACES: ClassVar[bool] = False

    def __post_init__(self) -> None:
        values = np.asarray(self.values, np.float32)
        if values.ndim != 2 or not np.isfinite(values).all():
            raise ValueError(f"quantities should be finite numbers, (n, numbers), not {values.shape}")
        object.__setattr__(self, "values", values)

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: np.ndarray) -> Self:
        return type(self)(self.values[rows])

    def moved(self, movement: Movement) -> Self:
        return self

    def arrays(self) -> Mapping[str, np.ndarray]:
        """``values``, float32 (n, numbers)."""
        return {"values": self.values}

    def strata(self) -> np.ndarray | None:
        """None: numbers have no classes."""
        return None

    def digest(self) -> bytes:
        return f"{self.values.shape}".encode() + self.values.astype("<f4").tobytes()
