"""What the rest of the library asks of targets, whatever is predicted."""

from collections.abc import Mapping
from typing import ClassVar, Protocol, Self, runtime_checkable

import numpy as np

from compress.targets.geometry import Movement


@runtime_checkable
class Targets(Protocol):
    """The targets of n examples, in their order. Immutable: every method gives new ones."""

    PLACES: ClassVar[bool]
    """Whether they name places in the image, which move with what they show."""

    def __len__(self) -> int:
        """The number of examples, n."""
        ...

    def take(self, rows: np.ndarray) -> Self:
        """The targets of the examples ``rows``, int64 indices, in that order."""
        ...

    def moved(self, movement: Movement) -> Self:
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


@runtime_checkable
class Mixable(Targets, Protocol):
    """Classes: they say nothing of places or amounts, so that they stay true in part of a mixed image."""

    def mixed(self, others: np.ndarray, shares: np.ndarray) -> Targets:
        """Of images each mixed with that of the row ``others``, int64 (n,); ``shares`` of their own, float32 (n,)."""
        ...
