"""What data sets of things in pictures share: their settings, how files are read, and how pictures become splits."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, PlainValidator

from compress.config import InOrder, config
from compress.datasets.base import DatasetConfig, checked_size
from compress.datasets.folder import MEMORY_LIMIT, dark_note, left_out_note
from compress.datasets.images import UNREADABLE, Size, decoded, sides
from compress.datasets.pictures import MULTIPLE, Crops, FittedSplit, Pictures, Things
from compress.datasets.splits import THREADS, Dataset
from compress.errors import UserError
from compress.targets import Boxes, Points

BLOCK = 64  # images in memory at once, beside those that stay
Scale = Annotated[float, Field(ge=0.25, le=4)]
OptionalSize = Annotated[
    Size | None, PlainValidator(lambda value: None if value is None else sides(checked_size(value)))
]


@config
class PicturesConfig(DatasetConfig):
    """Images keep their aspect ratio: one that is larger than ``size``, [height, width], is made smaller, and one that
    is smaller is padded with black below and to the right. By default ``size`` is that of all images, rounded up to the
    next multiple that the network needs.

    With ``crop``, [height, width], training takes random crops of that size instead, new ones in every epoch, from
    images that were resized by a random factor between the two ``scales``.
    """

    size: OptionalSize = None  # type: ignore[assignment]
    """[height, width] in pixels of the images given to the network. Default: the common size of all images, rounded up;
    needed if they differ in size."""
    crop: OptionalSize = None  # type: ignore[assignment]
    """[height, width] in pixels of the random crops that training uses. Default: no crops."""
    scales: Annotated[tuple[Scale, Scale], InOrder] = (1.0, 1.0)
    """[smallest, largest] factor by which training resizes an image before cropping; drawn at random between the
    two."""
    fit: Literal["pad"] = "pad"
    """Larger images are shrunk and smaller ones padded with black; the aspect ratio is kept."""

    def check(self) -> None:
        """Raises UserError for settings that contradict each other."""
        if self.scales != (1.0, 1.0) and self.crop is None:
            raise UserError("[data] scales needs crop: images are resized by it before they are cropped")

    def crops(self, pictures: Pictures, size: tuple[int, int]) -> Crops | None:
        """What training takes, of pictures that networks get at ``size``; None for the whole ones."""
        return None if self.crop is None else Crops(pictures, sides(self.crop), self.scales)


def read_pictures(
    files: Sequence[Path],
    things_in: Callable[[int, tuple[int, int]], np.ndarray],
    kind: Things,
    channels: int,
    bad: list[str],
) -> tuple[Pictures, np.ndarray]:
    """(the pictures that can be read, which rows of ``files`` they are); each other goes to ``bad``, with the reason.

    ``things_in``: the row and the (height, width) of an image -> what is in it, as ``kind`` has it.
    """

    def look(path: Path) -> np.ndarray | str:
        try:
            return decoded(path, channels)
        except UNREADABLE as error:
            return f"{path} ({' '.join(str(error).split())})"

    rows: list[int] = []
    sizes: list[tuple[int, int]] = []
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
            sizes.append((image.shape[0], image.shape[1]))
            images.append(image)
            maxima.append(int(image.max()))
        if sum(height * width * channels for height, width in sizes) > MEMORY_LIMIT:
            images.clear()  # they are decoded again when they are read
    things = [things_in(row, size) for row, size in zip(rows, sizes, strict=True)]
    kept: Sequence[np.ndarray | Path] = images if len(images) == len(rows) else [files[row] for row in rows]
    all_sizes = np.array(sizes, np.int64).reshape(-1, 2)
    return Pictures(kept, all_sizes, things, channels, max(maxima, default=0), kind), np.array(rows, np.int64)


def nothing_in(kind: Things, count: int) -> Points | Boxes:
    """Targets of so many images, for a split that does not look at them."""
    return kind.of([np.empty((0, kind.COLUMNS))] * count, (1, 1))


def dataset_of(
    name: str,
    label_names: Sequence[str],
    task: str,
    what: str,
    parts: Mapping[str, Pictures],
    settings: PicturesConfig,
    notes: Sequence[str],
    faults: Sequence[str],
    bad: Sequence[str],
    skip: bool,
    multiple: int = MULTIPLE,
    at_own_sizes: bool = True,
) -> Dataset:
    """The data set of pictures by split; ``what`` is in them, in words. ``at_own_sizes``: the test images are measured
    so, too, where these are others than what networks get.

    Raises UserError where there is nothing to learn from, or no size is given for pictures of several sizes."""
    notes, dark = list(notes), dark_note(max(pictures.brightest for pictures in parts.values()))
    faults = [*left_out_note(bad, skip), *dark, *faults]
    for part, pictures in parts.items():
        if not len(pictures):
            raise UserError(f"{name}: no readable image for the split {part}")
        if not any(map(len, pictures.things)):
            faults.append(f"the {part} split has no {what}")
    size = sides(settings.size or _common_size(parts, multiple))
    smaller = [bool((each > size).any()) for pictures in parts.values() for each in pictures.sizes]
    if any(smaller):
        notes.append(
            f"{sum(smaller)} of {len(smaller)} images are larger than {size[0]}x{size[1]} and are made smaller"
        )
    counts = np.concatenate([[len(things) for things in pictures.things] for pictures in parts.values()])
    spread = f"{counts.min()} to {counts.max()} an image, {counts.mean():.1f} on average"
    notes.append(f"{int(counts.sum())} {what}, {spread}")
    train, validation, test = (FittedSplit(parts[part], size) for part in ("train", "validation", "test"))
    crops = settings.crops(parts["train"], size)
    own_size = all((np.ceil(pictures.sizes / multiple) * multiple == size).all() for pictures in parts.values())
    whole_test = None if own_size or not at_own_sizes else parts["test"]
    return Dataset.of(name, label_names, train, validation, test, notes, task, crops, whole_test, faults)


def _common_size(parts: Mapping[str, Pictures], multiple: int) -> tuple[int, int]:
    sizes = np.unique(np.concatenate([pictures.sizes for pictures in parts.values()]), axis=0)
    if len(sizes) > 1:
        listed = " and ".join(f"{height}x{width}" for height, width in sizes[[0, -1]])
        raise UserError(
            f"images have {len(sizes)} different sizes, such as {listed}: give the network's input size as "
            "[data] size = [height, width]"
        )
    height, width = (-(-int(side) // multiple) * multiple for side in sizes[0])
    return height, width
