"""A folder of the user's own images, one subfolder a class."""

import math
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from compress.config import config
from compress.datasets.base import DatasetConfig, located
from compress.datasets.images import UNREADABLE, Fit, Size, decode, sides
from compress.datasets.missing_splits import held_out_rows, split_notes
from compress.datasets.splits import THREADS, ArraySplit, Dataset, FileSplit
from compress.errors import UserError
from compress.targets import ClassIndices, Targets

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff"})
# part -> what its folder may be called, in capitals or not
PARTS = {
    "train": ("train", "training"),
    "validation": ("validation", "val", "valid", "dev"),
    "test": ("test", "testing"),
}
DARK = 16  # of 255; no image is meant to be as black
MEMORY_LIMIT = 10**9  # bytes of pixels at the model's size; above it images are decoded whenever they are read
_BLOCK = 1024  # images under way at once, so that a million of them do not queue in memory


@config
class Folder(DatasetConfig):
    """``path``/train/<class>/*, test/<class>/* and optionally validation/<class>/* (val/, valid/, dev/).

    Classes are train's folders, sorted by name. jpg, jpeg, png, bmp, webp, tif, tiff and gif (of several pictures the
    first) in capitals or not are images; hidden files are ignored, and all other files are skipped and counted
    in a note. Without test/ a stratified 20 % of train/ is held out, without validation/ 10 % of the rest, with
    constant seeds. ``path``/<class>/* alone is taken for train/.

    Images become RGB of ``size``, or grey with ``channels = 1``: EXIF rotation applied; grey, palette and CMYK
    converted; transparency over black; resized bilinearly, by ``fit = "stretch"`` without regard to the aspect ratio,
    by ``"crop"`` after a centre crop to that of ``size``, by ``"pad"`` only to make smaller what is too large, with its
    own, and black below and to the right. Every image is decoded once when the data are loaded, so that
    a damaged one is found before the training.

    ``path`` is absolute, or relative to the current folder or, if it does not exist there, to the data folder.
    """

    name: Literal["folder"] = "folder"
    path: str
    """Folder that contains train/ and test/: absolute, or relative to the current folder or --data-dir."""
    fit: Fit = "stretch"
    """How an image with another aspect ratio is brought to ``size``: stretched, cropped at the centre, or padded with
    black."""

    @classmethod
    def is_at(cls, path: Path) -> bool:
        """See ``DatasetConfig.is_at``: any folder."""
        return path.is_dir()

    def load(self, data_dir: Path | None = None, skip_bad_images: bool = False) -> Dataset:
        """See ``DatasetConfig.load``. Raises UserError naming the file when one is unreadable and not to be skipped,
        and when train/ is missing, a class has no image, or test/ or validation/ has a class that train/ has not.
        """
        folders, layout_notes = parts_of(located(self.path, data_dir, "folder", Path.is_dir))
        classes = _classes(folders["train"])
        listings = {part: list_images(folder, classes) for part, folder in folders.items()}
        total = sum(len(listing.paths) for listing in listings.values())
        look = Look(self.size, self.fit, self.channels)
        in_memory = total * math.prod(look.shape) <= MEMORY_LIMIT

        bad: list[str] = []
        stores = {}
        for part, listing in listings.items():
            stores[part], bad_here = check(listing, look, in_memory)
            bad += bad_here
        left_out = left_out_note(bad, skip_bad_images)
        for part, checked in stores.items():
            _check_classes(folders[part], part, checked.targets.arrays()["labels"], classes)

        dark = dark_note(max(checked.brightest for checked in stores.values()))
        passed_over = _passed_over_note(list(listings.values()))
        held_out = held_out_rows({part: checked.targets for part, checked in stores.items()}, classes)
        splits = split_notes(held_out, "{}/ folder", "train/", "images")
        stores |= {part: stores["train"].take(rows) for part, rows in held_out.items()}
        cuts = self.augmentation.resized_crop is not None
        train, validation, test = (
            stores[part].as_split(look, from_files=cuts and part == "train") for part in ("train", "validation", "test")
        )
        notes, faults = [*layout_notes, _conversion_note(look), *splits], [*dark, *passed_over, *left_out]
        return Dataset.of(self.name, classes, train, validation, test, notes, faults=faults)


@dataclass(frozen=True)
class Look:
    """What becomes of an image file: see ``images.decode``."""

    size: Size
    fit: Fit
    channels: int

    @property
    def shape(self) -> tuple[int, int, int]:
        return (*sides(self.size), self.channels)

    def decode(self, path: Path) -> np.ndarray:
        return decode(path, self.size, self.fit, self.channels)


@dataclass(frozen=True, eq=False)
class Listing:
    """The image files of one split, with their targets, and a count of what else lay there, by suffix."""

    paths: list[Path]
    targets: Targets
    passed_over: Counter[str]


@dataclass(frozen=True, eq=False)
class CheckedImages:
    """Images that are known to be readable: their paths, targets, and pixels if they are kept in memory.

    ``brightest`` is the largest value of all pixels that were looked at.
    """

    paths: list[Path]
    targets: Targets
    images: np.ndarray | None
    brightest: int = 0

    def take(self, indices: np.ndarray) -> "CheckedImages":
        images = None if self.images is None else self.images[indices]
        paths = [self.paths[index] for index in indices]
        return CheckedImages(paths, self.targets.take(indices), images, self.brightest)

    def as_split(self, look: Look, from_files: bool = False) -> ArraySplit | FileSplit:
        """``from_files``: the images are decoded when they are read, so that parts are cut out of their own pixels."""
        if self.images is None or from_files:
            return FileSplit(self.paths, self.targets, look.size, look.fit, look.channels)
        return ArraySplit(self.images, self.targets, look.size)


def parts_of(root: Path) -> tuple[dict[str, Path], list[str]]:
    """(part -> its folder, notes) of the folder of a data set: what PARTS call train, validation and test.

    A folder without any of these, whose own folders hold images, is train itself. Raises UserError where it is not
    clear which folder is meant, or there is no train.
    """
    inside = [folder for folder in _visible(root) if folder.is_dir()]
    folders: dict[str, Path] = {}
    for part, names in PARTS.items():
        called = [folder for folder in inside if folder.name.lower() in names]
        if len(called) > 1:
            raise UserError(
                f"{root} has both {called[0].name}/ and {called[1].name}/: keep only one as the {part} split"
            )
        if called:
            folders[part] = called[0]
    others = [folder for folder in inside if folder not in folders.values()]
    folders_with_images = [folder for folder in others if _holds_images(folder)]
    if "train" in folders:
        notes = [f"passed over beside train/: {', '.join(folder.name for folder in others)}"] if others else []
        return folders, notes
    if folders:
        there = next(iter(folders.values())).name
        raise UserError(f"{root} has {there}/ but no train/: expected images in {root / 'train'}/<class>/")
    if not folders_with_images:
        raise UserError(f"{root}: expected images in {root / 'train'}/<class>/")
    return {"train": root}, [f"no train/ folder: the {len(folders_with_images)} folders of {root} are the classes"]


def _classes(train: Path) -> tuple[str, ...]:
    classes = tuple(folder.name for folder in _visible(train) if folder.is_dir())
    if not classes:
        holds = "found images" if _holds_images(train) else "found none"
        raise UserError(f"{train}: expected one folder per class, {holds}")
    if len(classes) == 1:
        raise UserError(f"{train} has only one class, {classes[0]}: classification needs at least two")
    return classes


def _holds_images(folder: Path) -> bool:
    return any(path.suffix.lower() in SUFFIXES for path in _visible(folder))


def list_images(folder: Path, classes: Sequence[str]) -> Listing:
    """List ``folder``/<class>/*; raises UserError when a class is not one of ``classes``."""
    paths: list[Path] = []
    labels: list[int] = []
    passed_over: Counter[str] = Counter()
    for entry in _visible(folder):
        if not entry.is_dir():
            passed_over[entry.suffix.lower() or "no suffix"] += 1
            continue
        if entry.name not in classes:
            raise UserError(f"{entry}: train/ has no folder for the class {entry.name!r}")
        label = classes.index(entry.name)
        for path in _visible(entry):
            if path.is_dir():
                passed_over["folder"] += 1
            elif path.suffix.lower() in SUFFIXES:
                paths.append(path)
                labels.append(label)
            else:
                passed_over[path.suffix.lower() or "no suffix"] += 1
    return Listing(paths, ClassIndices(np.array(labels, np.int64)), passed_over)


def check(listing: Listing, look: Look, in_memory: bool) -> tuple[CheckedImages, list[str]]:
    """Decode every image once.

    Gives the readable ones, with their pixels if ``in_memory``, and a "path (reason)" for each of the others.
    """
    count = len(listing.paths)
    images = np.empty((count, *look.shape), np.uint8) if in_memory else None

    brightest = np.zeros(count, np.uint8)

    def failure(index: int) -> str | None:
        try:
            image = look.decode(listing.paths[index])
        except UNREADABLE as error:
            return f"{listing.paths[index]} ({' '.join(str(error).split())})"
        brightest[index] = image.max()
        if images is not None:
            images[index] = image
        return None

    failures: list[str | None] = []
    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, count, _BLOCK):
            failures += pool.map(failure, range(start, min(start + _BLOCK, count)))
    checked = CheckedImages(listing.paths, listing.targets, images, int(brightest.max(initial=0)))
    bad = [text for text in failures if text is not None]
    if bad:
        checked = checked.take(np.array([index for index, text in enumerate(failures) if text is None], np.int64))
    return checked, bad


def image_files(folder: Path) -> list[Path]:
    """The images in a folder and the folders below it, without hidden ones, in order of their paths."""
    return sorted(path for path in folder.rglob("*") if is_image(path, folder))


def is_image(path: Path, below: Path | None = None) -> bool:
    """Whether a file is an image by its name, and is not hidden, nor a folder on the way from ``below`` to it."""
    names = (path.name,) if below is None else path.relative_to(below).parts
    return path.suffix.lower() in SUFFIXES and not any(name.startswith(".") for name in names) and path.is_file()


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _check_classes(folder: Path, part: str, labels: np.ndarray, classes: Sequence[str]) -> None:
    counts = np.bincount(labels, minlength=len(classes))
    if counts.sum() == 0:
        raise UserError(f"{folder}: no readable image")
    # A class may be missing from a test, but none can be learnt from nothing.
    if part == "train" and counts.min() == 0:
        raise UserError(f"{folder / classes[int(counts.argmin())]}: no readable image")


def _conversion_note(look: Look) -> str:
    height, width, channels = look.shape
    shape = "a square" if height == width else "that aspect ratio"
    ways: dict[Fit, str] = {
        "stretch": "ignoring the aspect ratio",
        "crop": f"after a centre crop to {shape}",
        "pad": "but never enlarged, with their aspect ratio and black around them",
    }
    colours = "grey, palette and CMYK become RGB" if channels == 3 else "colours become grey"
    return (
        f"images are resized to {height}x{width} (bilinear), {ways[look.fit]}; EXIF rotation is applied; "
        f"{colours}, transparency becomes black"
    )


def dark_note(brightest: int) -> list[str]:
    """A line on images that are nearly black all over: files of 16 bits may hold small values."""
    if brightest > DARK:
        return []
    return [
        f"no pixel of any image is brighter than {brightest} of 255, nearly black: do files of 16 bits hold values of "
        "12 or fewer, or of 8 bits numbers of classes? Save them with pixels over the whole range"
    ]


def _passed_over_note(listings: Sequence[Listing]) -> list[str]:
    passed_over = sum((listing.passed_over for listing in listings), Counter())
    kinds = ", ".join(f"{count} {suffix}" for suffix, count in sorted(passed_over.items()))
    return [f"passed over, not images: {kinds}"] if passed_over else []


def left_out_note(bad: Sequence[str], skip_bad_images: bool) -> list[str]:
    """A line on the unreadable images, each a "path (reason)"; raises UserError if they are not to be skipped."""
    if not bad:
        return []
    if not skip_bad_images:
        more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
        raise UserError(f"unreadable image {bad[0]}{more}; repair or delete such files, or use --skip-bad-images")
    return [f"left out {len(bad)} unreadable image{'s' * (len(bad) > 1)}: {', '.join(bad)}"]
