"""Boxes around things in an image, each with its class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from compress.metrics.detection import COUNTS, DIFFICULT
from compress.targets.geometry import Movement

CLASS, KIND = 4, 5
NOTHING = -1
LEAST_SEEN = 0.4
"""Of a box's area: what a crop leaves of one with less is neither to be found nor to be taken for ground."""


@dataclass(frozen=True, eq=False)
class Boxes:
    """``rows``: float32 (n, most, 6), of each box y and x of its upper left and of its lower right corner, in pixels
    from the image's upper left corner, its class, and its kind (``metrics.detection``: it counts, is difficult, or is
    a crowd); rows of -1 fill up. ``frame``: (height, width) of all the images.
    """

    rows: np.ndarray
    frame: tuple[int, int]
    PLACES: ClassVar[bool] = True
    COLUMNS: ClassVar[int] = 6
    """Of a row; of what ``of``, ``resized`` and ``cut`` take."""

    def __post_init__(self) -> None:
        rows = np.asarray(self.rows, np.float32)
        if rows.ndim != 3 or rows.shape[2] != self.COLUMNS or not np.isfinite(rows).all():
            raise ValueError(f"boxes should be finite numbers, (n, most, {self.COLUMNS}), not {rows.shape}")
        object.__setattr__(self, "rows", rows)

    @classmethod
    def of(cls, images: Sequence[np.ndarray], frame: tuple[int, int], most: int | None = None) -> Self:
        """Of an array (k, 6) an image, filled up to ``most`` rows, or to the largest k."""
        most = max([1, *map(len, images)]) if most is None else most
        rows = np.full((len(images), most, cls.COLUMNS), NOTHING, np.float32)
        for row, boxes in zip(rows, images, strict=True):
            row[: len(boxes)] = boxes
        return cls(rows, frame)

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, rows: np.ndarray) -> Self:
        return replace(self, rows=self.rows[rows])

    def moved(self, movement: Movement) -> Self:
        """The boxes at their new places, as ``cut`` leaves them: by what this movement leaves of each box, whatever was
        cut from it before."""
        rows, (count, most, _) = self.rows.copy(), self.rows.shape
        corners = movement.of_places(rows[..., :CLASS].reshape(count, 2 * most, 2)).reshape(count, most, 2, 2)
        rows[..., :2], rows[..., 2:CLASS] = corners.min(axis=2), corners.max(axis=2)
        there = self.rows[..., CLASS] >= 0
        images = [clipped(boxes[is_box], self.frame) for boxes, is_box in zip(rows, there, strict=True)]
        return self.of(images, self.frame, self.rows.shape[1])

    def arrays(self) -> Mapping[str, np.ndarray]:
        """``boxes``, float32 (n, most, 4); ``classes`` and ``kinds``, int32 (n, most), -1 for rows that are none;
        ``frame``, float32 (n, 2)."""
        frames = np.broadcast_to(np.array(self.frame, np.float32), (len(self), 2))
        classes, kinds = (self.rows[..., column].astype(np.int32) for column in (CLASS, KIND))
        return {"boxes": self.rows[..., :CLASS], "classes": classes, "kinds": kinds, "frame": frames}

    def strata(self) -> np.ndarray | None:
        """None: an image may have boxes of several classes."""
        return None

    def digest(self) -> bytes:
        return f"{self.rows.shape}{self.frame}".encode() + self.rows.astype("<f4").tobytes()

    @staticmethod
    def resized(boxes: np.ndarray, size: tuple[int, int], to: tuple[int, int]) -> np.ndarray:
        """The boxes (k, 6) of an image of ``size``, (height, width), that is made one of size ``to``."""
        factors = np.divide(to, size)
        return np.asarray(boxes * np.array([*factors, *factors, 1, 1]), np.float32)

    @staticmethod
    def cut(boxes: np.ndarray, top: int, left: int, frame: tuple[int, int]) -> np.ndarray:
        """What the part of (height, width) with its upper left corner at (top, left) shows of the boxes (k, 6)."""
        return clipped(boxes - np.array([top, left, top, left, 0, 0], np.float32), frame)


def clipped(boxes: np.ndarray, frame: tuple[int, int]) -> np.ndarray:
    """The boxes (k, 6) within an image of (height, width); those outside are gone, and those of which less than
    LEAST_SEEN is left are difficult."""
    inside = boxes.copy()
    inside[:, :CLASS] = np.clip(boxes[:, :CLASS], 0, np.tile(np.asarray(frame, np.float32), 2))
    before, after = (np.prod(each[:, 2:CLASS] - each[:, :2], axis=1) for each in (boxes, inside))
    hardly = (inside[:, KIND] == COUNTS) & (after < LEAST_SEEN * before)
    inside[hardly, KIND] = DIFFICULT
    return inside[after > 0]
