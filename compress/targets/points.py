"""Points in an image, of each of which a kernel of its own stands in the density map."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from compress.targets.geometry import Movement

Y, X, SPREAD = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Points:
    """``places``: float32 (n, most, 3), of each point y and x, in pixels from the image's upper left corner, and the
    standard deviation of its kernel, in pixels; rows of zeros fill up, as images have different numbers of points.
    ``frame``: (height, width) of all the images, in which the points lie.
    """

    places: np.ndarray
    frame: tuple[int, int]
    PLACES: ClassVar[bool] = True
    COLUMNS: ClassVar[int] = 3
    """Of a row; of what ``of``, ``resized`` and ``cut`` take."""

    def __post_init__(self) -> None:
        places = np.asarray(self.places, np.float32)
        if places.ndim != 3 or places.shape[2] != 3 or not np.isfinite(places).all():
            raise ValueError(f"points should be finite numbers, (n, most, 3), not {places.shape}")
        object.__setattr__(self, "places", places)

    @classmethod
    def of(cls, images: Sequence[np.ndarray], frame: tuple[int, int], most: int | None = None) -> Self:
        """Of an array (k, 3) an image, filled up to ``most`` rows, or to the largest k."""
        most = max([1, *map(len, images)]) if most is None else most
        places = np.zeros((len(images), most, 3), np.float32)
        for row, points in zip(places, images, strict=True):
            row[: len(points)] = points
        return cls(places, frame)

    def __len__(self) -> int:
        return len(self.places)

    @property
    def counts(self) -> np.ndarray:
        """How many points each image has, int64 (n,)."""
        return (self.places[..., SPREAD] > 0).sum(axis=1)

    def take(self, rows: np.ndarray) -> Self:
        return replace(self, places=self.places[rows])

    def moved(self, movement: Movement) -> Self:
        """The points at their new places, their kernels grown with their images; those left outside are gone."""
        places = self.places.copy()
        places[..., :SPREAD] = movement.of_places(places[..., :SPREAD])
        places[..., SPREAD] *= movement.growth[:, None]
        places[~inside(places, self.frame)] = 0
        return replace(self, places=places)

    def arrays(self) -> Mapping[str, np.ndarray]:
        """``counts``, float32 (n,); ``points``, float32 (n, most, 3); ``frame``, float32 (n, 2)."""
        frames = np.broadcast_to(np.array(self.frame, np.float32), (len(self), 2))
        return {"counts": self.counts.astype(np.float32), "points": self.places, "frame": frames}

    def strata(self) -> np.ndarray | None:
        """None: counts have no classes."""
        return None

    def digest(self) -> bytes:
        return f"{self.places.shape}{self.frame}".encode() + self.places.astype("<f4").tobytes()

    @staticmethod
    def resized(points: np.ndarray, size: tuple[int, int], to: tuple[int, int]) -> np.ndarray:
        """The points (k, 3) of an image of ``size``, (height, width), that is made one of size ``to``; float32 (k, 3).

        Kernels grow by the mean of both factors.
        """
        factors = np.divide(to, size)
        moved = np.asarray(points, np.float64) * (*factors, factors.mean())
        return np.minimum(moved, (*to, np.inf)).astype(np.float32)

    @staticmethod
    def cut(points: np.ndarray, top: int, left: int, frame: tuple[int, int]) -> np.ndarray:
        """The points (k, 3) that lie in the part of (height, width) with its upper left corner at (top, left)."""
        moved = (points - np.array([top, left, 0])).astype(np.float32)
        return moved[inside(moved, frame)]


def inside(points: np.ndarray, frame: tuple[int, int]) -> np.ndarray:
    """Which of the points (..., 3) are some, and lie in an image of (height, width): bool (...)."""
    y, x = points[..., Y], points[..., X]
    return (points[..., SPREAD] > 0) & (y >= 0) & (y <= frame[0]) & (x >= 0) & (x <= frame[1])
