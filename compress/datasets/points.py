"""What data sets of points in pictures share: their settings, and how pictures become splits."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, PlainValidator

from compress.config import config
from compress.datasets.base import DatasetConfig, checked_size
from compress.datasets.folder import MEMORY_LIMIT, dark_note, left_out_note
from compress.datasets.images import UNREADABLE, Size, decoded, sides
from compress.datasets.kernels import Adaptive, AnyKernel, Kernel, with_spreads
from compress.datasets.pictures import MULTIPLE, Crops, FittedSplit, Pictures
from compress.datasets.splits import THREADS, Dataset
from compress.errors import UserError
from compress.targets import Points
from compress.targets.points import X, Y

BLOCK = 64  # images in memory at once, beside those that stay
OUTSIDE = 0.1  # of a side: so far outside a point is moved to the border, as a hand that marks it slips
Scale = Annotated[float, Field(ge=0.25, le=4)]
OptionalSize = Annotated[
    Size | None, PlainValidator(lambda value: None if value is None else sides(checked_size(value)))
]


@config
class PointsConfig(DatasetConfig):
    """``size``, [height, width], is that of the images that networks get: larger ones are made smaller, smaller ones
    get black below and to the right. Not given, it is that of all images, up to the next multiples of 16.

    ``crop``, [height, width]: training takes such parts of the images instead, drawn anew in every epoch, out of images
    resized by a factor between ``scales``. ``kernel`` says how wide each point is in a density map. ``what`` is the
    name of what is counted.
    """

    size: OptionalSize = None  # type: ignore[assignment]
    crop: OptionalSize = None  # type: ignore[assignment]
    scales: tuple[Scale, Scale] = (1.0, 1.0)
    kernel: AnyKernel = Adaptive()
    what: str = "things"
    fit: Literal["pad"] = "pad"

    def check(self) -> None:
        """Raises UserError for settings that contradict each other."""
        if self.scales[0] > self.scales[1]:
            raise UserError(f"[data] scales = {list(self.scales)}: the first is the smaller one")
        if self.scales != (1.0, 1.0) and self.crop is None:
            raise UserError("[data] scales go with crop: they are of the images that parts are cut out of")


def read_pictures(
    files: Sequence[Path], points: Sequence[np.ndarray], kernel: Kernel, channels: int, bad: list[str]
) -> tuple[Pictures, np.ndarray]:
    """(the pictures that can be read, which rows of ``files`` they are); each other goes to ``bad``, with the reason.

    ``points``: y and x in pixels, (k, 2) each. Raises UserError for a point that is far outside of its picture.
    """

    def look(path: Path) -> np.ndarray | str:
        try:
            return decoded(path, channels)
        except UNREADABLE as error:
            return f"{path} ({' '.join(str(error).split())})"

    rows: list[int] = []
    sizes: list[Sequence[int]] = []
    images: list[np.ndarray] = []
    maxima: list[int] = []
    for start in range(0, len(files), BLOCK):
        with ThreadPoolExecutor(THREADS) as pool:
            block = list(pool.map(look, files[start : start + BLOCK]))
        for row, image in enumerate(block, start):
            if isinstance(image, str):
                bad.append(image)
                continue
            rows.append(row)
            sizes.append(image.shape[:2])
            images.append(image)
            maxima.append(int(image.max()))
        if sum(height * width * channels for height, width in sizes) > MEMORY_LIMIT:
            images.clear()  # they are decoded again when they are read
    moved = [_within(points[row], size, files[row]) for row, size in zip(rows, sizes, strict=True)]
    kept: Sequence[np.ndarray | Path] = images if len(images) == len(rows) else [files[row] for row in rows]
    all_sizes = np.array(sizes, np.int64).reshape(-1, 2)
    places = [with_spreads(each, kernel) for each in moved]
    return Pictures(kept, all_sizes, places, channels, max(maxima, default=0)), np.array(rows, np.int64)


def without_points(count: int) -> Points:
    """Targets of so many images, for a split that does not look at them."""
    return Points.of([np.empty((0, 3))] * count, (1, 1))


def _within(points: np.ndarray, shape: Sequence[int], path: Path) -> np.ndarray:
    """The points with those that are a little outside on the border."""
    points = np.asarray(points, np.float64).reshape(-1, 2)
    frame = np.array(shape[:2], np.float64)
    far = (points < -OUTSIDE * frame) | (points > (1 + OUTSIDE) * frame)
    if far.any():
        y, x = points[far.any(axis=1)][0]
        raise UserError(
            f"{path}, {shape[1]} wide and {shape[0]} high: a point lies outside, about x {x:.0f}, y {y:.0f}"
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
    """The data set of pictures by split. Raises UserError where there is nothing to learn from, or no size is given for
    pictures of several sizes."""
    notes = [*notes, *left_out_note(bad, skip), *dark_note(max(pictures.brightest for pictures in parts.values()))]
    for part, pictures in parts.items():
        if not len(pictures):
            raise UserError(f"{name}: no readable image for {part}")
    size = sides(settings.size or _common_size(parts))
    smaller = [bool((each > size).any()) for pictures in parts.values() for each in pictures.sizes]
    if any(smaller):
        notes.append(f"{sum(smaller)} of {len(smaller)} images are larger than {size[0]}x{size[1]}, and made smaller")
    counts = np.concatenate([[len(points) for points in pictures.points] for pictures in parts.values()])
    spread = f"{counts.min()} to {counts.max()} an image, {counts.mean():.1f} on average"
    notes.append(f"{int(counts.sum())} {settings.what}, {spread}")
    train, validation, test = (FittedSplit(parts[part], size) for part in ("train", "validation", "test"))
    crops = None if settings.crop is None else Crops(parts["train"], sides(settings.crop), settings.scales)
    own_size = all((np.ceil(pictures.sizes / MULTIPLE) * MULTIPLE == size).all() for pictures in parts.values())
    return Dataset.of(
        name,
        [settings.what],
        train,
        validation,
        test,
        notes,
        "counting",
        crops=crops,
        whole_test=None if own_size else parts["test"],
    )


def _common_size(parts: Mapping[str, Pictures]) -> tuple[int, int]:
    sizes = np.unique(np.concatenate([pictures.sizes for pictures in parts.values()]), axis=0)
    if len(sizes) > 1:
        listed = " and ".join(f"{height}x{width}" for height, width in sizes[[0, -1]])
        raise UserError(f"images are of {len(sizes)} sizes, such as {listed}: name the network's, [data] size = [h, w]")
    height, width = (-(-int(side) // MULTIPLE) * MULTIPLE for side in sizes[0])
    return height, width


def yx(rows: Sequence[Any]) -> np.ndarray:
    """(y, x) of each of some (x, y): float64 (k, 2)."""
    return np.asarray(rows, np.float64).reshape(-1, 2)[:, [X, Y]]
