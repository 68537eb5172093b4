"""What data sets of points in pictures share: their settings, and where points may lie."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from compress.config import config
from compress.datasets import read_pictures
from compress.datasets.kernels import Adaptive, AnyKernel, Kernel, with_spreads
from compress.datasets.pictures import Pictures
from compress.datasets.read_pictures import PicturesConfig
from compress.datasets.splits import Dataset
from compress.errors import UserError
from compress.targets import Points
from compress.targets.points import X, Y

OUTSIDE = 0.1  # of a side: so far outside a point is moved to the border, as a hand that marks it slips


@config
class PointsConfig(PicturesConfig):
    """The fields of images of different sizes; ``kernel``, the width of each point in a density map; and ``what``, the
    name of what is counted."""

    kernel: AnyKernel = Adaptive()
    """Gaussian kernel that spreads each point in the density map: of fixed width, or adapted to the nearest
    neighbours."""
    what: str = "things"
    """Name of the objects that are counted, used in tables and in the report."""

    @classmethod
    def for_model(cls, names: Sequence[str]) -> dict[str, Any]:
        return {"what": names[0]} if len(names) == 1 else {}


def pictures_of(
    files: Sequence[Path], points: Sequence[np.ndarray], kernel: Kernel, channels: int, bad: list[str]
) -> tuple[Pictures, np.ndarray]:
    """As ``read_pictures``; ``points``: y and x in pixels, (k, 2) each. Raises UserError for a point that is far
    outside of its picture."""

    def places(row: int, size: tuple[int, int]) -> np.ndarray:
        return with_spreads(_within(points[row], size, files[row]), kernel)

    return read_pictures.read_pictures(files, places, Points, channels, bad)


def _within(points: np.ndarray, size: tuple[int, int], path: Path) -> np.ndarray:
    """The points with those that are a little outside on the border."""
    points = np.asarray(points, np.float64).reshape(-1, 2)
    frame = np.array(size, np.float64)
    far = (points < -OUTSIDE * frame) | (points > (1 + OUTSIDE) * frame)
    if far.any():
        y, x = points[far.any(axis=1)][0]
        raise UserError(
            f"{path}, {size[1]} pixels wide and {size[0]} high: a point lies outside the image, near x "
            f"{x:.0f}, y {y:.0f}"
        )
    return np.clip(points, 0, frame)


def dataset_of(
    name: str,
    parts: Mapping[str, Pictures],
    settings: PointsConfig,
    notes: Sequence[str],
    bad: Sequence[str],
    skip: bool,
) -> Dataset:
    """The data set of pictures with points, by split."""
    what = settings.what
    return read_pictures.dataset_of(name, [what], "counting", what, parts, settings, notes, (), bad, skip)


def yx(rows: Sequence[Any]) -> np.ndarray:
    """(y, x) of each of some (x, y): float64 (k, 2)."""
    return np.asarray(rows, np.float64).reshape(-1, 2)[:, [X, Y]]
