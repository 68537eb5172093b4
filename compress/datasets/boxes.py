"""What data sets of boxes in pictures share: their settings, and what becomes of boxes that cannot be."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from compress.config import config
from compress.datasets import read_pictures
from compress.datasets.folder import left_out_note
from compress.datasets.images import is_turned
from compress.datasets.missing_splits import held_out_rows, split_notes
from compress.datasets.pictures import Crops, Pictures
from compress.datasets.read_pictures import PicturesConfig, nothing_in
from compress.datasets.splits import Dataset
from compress.errors import UserError, few, unknown
from compress.targets import Boxes
from compress.targets.boxes import CLASS, KIND

MULTIPLE = 32
"""Of pixels, that sides of images have where no size is given: a detector's coarsest cells."""
BEYOND = 1.0  # pixel: tables round


@config
class BoxesConfig(PicturesConfig):
    """Images keep their aspect ratio: one that is larger than ``size``, [height, width], is made smaller, and one that
    is smaller is padded with black below and to the right. By default ``size`` is that of all images, rounded up to
    multiples of 32.

    With ``scales``, such as [0.7, 1.4], training takes random crops of that size instead, new ones in every epoch, from
    images that were resized by a random factor between the two. ``classes`` names the classes to detect, in the order
    of the network's outputs; by default all classes in the data.
    """

    classes: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Names of the classes to detect, in the order of the network's outputs. Default: every class in the data."""
    classes_may_lack: bool = False
    """Whether a name in ``classes`` may have no box in the data; false reports it as an error."""

    @classmethod
    def for_model(cls, names: Sequence[str]) -> dict[str, Any]:
        return {"classes": tuple(names), "classes_may_lack": True} if names else {}

    def check(self) -> None:
        if self.crop is not None:
            raise UserError(
                "[data] crop works only for data of points: for boxes, crops have the size given by `size`, and "
                "`scales` turns them on"
            )

    def crops(self, pictures: Pictures, size: tuple[int, int]) -> Crops | None:
        return None if self.scales == (1.0, 1.0) else Crops(pictures, size, self.scales, fitted=True)


@dataclass(frozen=True)
class Listed:
    """An image and what a table lists in it: ``boxes`` float64 (k, 4), y and x of the upper left and of the lower right
    corner in pixels; the ``names`` of their classes; their ``kinds``, as ``Boxes`` has them.

    ``size``: (height, width) by the table, None where it does not say. ``relative``: the boxes are in parts of the
    sides.
    """

    path: Path
    boxes: np.ndarray
    names: Sequence[str]
    kinds: np.ndarray
    size: tuple[int, int] | None = None
    relative: bool = False


@dataclass
class Faults:
    """Of boxes, how many of each kind there are, and the image of the first."""

    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, Path] = field(default_factory=dict)

    def add(self, what: str, count: int, path: Path) -> None:
        """``what`` was done with ``count`` boxes, in words behind that number."""
        if count:
            self.counts[what] += count
            self.first.setdefault(what, path)

    def notes(self) -> list[str]:
        """A line a kind."""
        return [f"{count} boxes {what}, the first in {self.first[what].name}" for what, count in self.counts.items()]


def dataset_of(
    name: str,
    listed: Mapping[str, Sequence[Listed]],
    known: Sequence[str],
    settings: BoxesConfig,
    notes: Sequence[str],
    faults: Sequence[str],
    skip: bool,
) -> Dataset:
    """The data set of images by split; where no split is test or validation, these are held out.

    ``known``: the names of classes in the order of the data; ``notes`` and ``faults`` as ``Dataset`` has them. Raises
    UserError for what cannot be trained on, and for a table that is not of its image.
    """
    names = _names(name, known, settings)
    every = [each for images in listed.values() for each in images]
    of_boxes, bad = Faults(), list[str]()

    def rows(number: int, size: tuple[int, int]) -> np.ndarray:
        return _rows(every[number], size, names, of_boxes)

    pictures, kept = read_pictures.read_pictures([each.path for each in every], rows, Boxes, settings.channels, bad)
    left_out_note(bad, skip)  # before a split of what is left is drawn
    part_of = np.repeat(list(listed), [len(images) for images in listed.values()])[kept]
    chosen = {part: np.flatnonzero(part_of == part) for part in listed}
    held_out = held_out_rows({part: nothing_in(Boxes, len(own)) for part, own in chosen.items()})
    notes = [*notes, *split_notes(held_out, "{} images", "the others", "images")]
    chosen |= {part: chosen["train"][own] for part, own in held_out.items()}
    parts = {part: pictures.take(own) for part, own in chosen.items()}
    faults = [*faults, *of_boxes.notes(), *_turned([every[row].path for row in kept]), *_without_boxes(names, parts)]
    return read_pictures.dataset_of(
        name, names, "detection", "boxes", parts, settings, notes, faults, bad, skip, MULTIPLE, at_own_sizes=False
    )


def _turned(paths: Sequence[Path]) -> list[str]:
    """A line for images that are turned by their EXIF data: many programs that draw boxes do not turn them."""
    turned = [path for path in paths if is_turned(path)]
    if not turned:
        return []
    return [
        f"{len(turned)} images are turned as their EXIF orientation says, the first is {turned[0].name}: their boxes "
        "must be those of the turned images"
    ]


def _without_boxes(names: Sequence[str], parts: Mapping[str, Pictures]) -> list[str]:
    """A line for the classes of which no image has a box, and one for those of which no training image has one."""
    present = {
        part: {names[int(row[CLASS])] for things in pictures.things for row in things}
        for part, pictures in parts.items()
    }
    lines, anywhere = list[str](), set[str]().union(*present.values())
    if absent := [name for name in names if name not in anywhere]:
        lines.append(f"no image has a box of {few(absent)}")
    if present["train"] and (unseen := [name for name in names if name in anywhere - present["train"]]):
        lines.append(f"no training image has a box of {few(unseen)}")
    return lines


def _names(name: str, known: Sequence[str], settings: BoxesConfig) -> list[str]:
    """Of the classes, in order. Raises UserError for one that is asked for and not there, and for a name of two."""
    every = list(known)
    if doubled := {each for each in every if every.count(each) > 1}:
        raise UserError(f"{name}: two classes have the name {min(doubled)!r}")
    if settings.classes is None:
        if not every:
            raise UserError(f"{name}: no image has a box, so there is nothing to learn")
        return every
    if every and not set(every) & set(settings.classes) and settings.classes_may_lack:
        raise UserError(
            f"{name} has boxes of {few(every)}, but none of the classes that are to be found: {few(settings.classes)}"
        )
    for asked in settings.classes:
        if asked not in every and not settings.classes_may_lack:
            raise unknown("class", asked, every)
    if doubled := {each for each in settings.classes if settings.classes.count(each) > 1}:
        raise UserError(f"[data] classes: {min(doubled)!r} is listed twice")
    return list(settings.classes)


def _rows(image: Listed, size: tuple[int, int], names: Sequence[str], faults: Faults) -> np.ndarray:
    """What counts of a list, as ``Boxes`` has it; the rest is counted among the faults."""
    if image.size not in (None, size):
        told, own = ("x".join(map(str, each)) for each in (image.size or (), size))
        told = f"{image.path}: its boxes belong to an image of {told} (height x width), but the image is {own}"
        if image.size == size[::-1] and is_turned(image.path):
            told += (
                ": its EXIF orientation turns it, and the boxes are those of the image that is not turned: save it "
                "without an orientation"
            )
        raise UserError(told)
    frame = np.tile(np.array(size, np.float64), 2)
    boxes = np.asarray(image.boxes, np.float64).reshape(-1, 4) * (frame if image.relative else 1)
    numbers = np.array([names.index(each) if each in names else -1 for each in image.names], int)
    other = sorted({each for each in image.names if each not in names})
    faults.add(f"of {few(other)} were left out: not among the classes", int((numbers < 0).sum()), image.path)
    empty = (boxes[:, 2:] <= boxes[:, :2]).any(axis=1) & (numbers >= 0)
    faults.add("without an area were left out", int(empty.sum()), image.path)
    inside = np.clip(boxes, 0, frame)
    gone = (inside[:, 2:] <= inside[:, :2]).any(axis=1) & ~empty & (numbers >= 0)
    faults.add("outside of their images were left out", int(gone.sum()), image.path)
    stays = (numbers >= 0) & ~empty & ~gone
    cut = stays & (np.abs(boxes - inside) > BEYOND).any(axis=1)
    faults.add("that reach out of their images were cut at the border", int(cut.sum()), image.path)
    rows = np.zeros((len(boxes), Boxes.COLUMNS), np.float32)
    rows[:, :CLASS], rows[:, CLASS], rows[:, KIND] = inside, numbers, image.kinds
    return rows[stays]
