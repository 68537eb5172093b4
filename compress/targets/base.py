"""What the rest of the library asks of targets, whatever is predicted."""

from collections.abc import Mapping
from typing import Protocol, Self, runtime_checkable

import numpy as np

from compress.targets.geometry import Geometry


@runtime_checkable
class Targets(Protocol):
    """The targets of n examples, in their order. Immutable: every method gives new ones."""

    def __len__(self) -> int:
        """The number of examples, n."""
        ...

    def take(self, rows: np.ndarray) -> Self:
        """The targets of the examples ``rows``, int64 indices, in that order."""
        ...

    def moved(self, geometry: Geometry) -> Self:
        """The targets after their images were moved so; targets that name no place in an image stay as they are."""
        ...

    def arrays(self) -> Mapping[str, np.ndarray]:
        """Arrays by name, each (n, ...) of one dtype: what losses and metrics take, and what a bundle carries."""
        ...

    def strata(self) -> np.ndarray | None:
        """int64 (n,): equal numbers for examples that a split should share out in proportion; None for no such."""
        ...

    def digest(self) -> bytes:
        """The bytes that tell these targets from others, for the fingerprint of a data set."""
        ...
