"""The layout of YOLO's programs: folders of images and of labels, a text file an image, boxes in parts of its sides."""

from pathlib import Path
from typing import Any, Literal

import numpy as np

from compress.config import config
from compress.datasets.base import located
from compress.datasets.boxes import BoxesConfig, Listed, dataset_of
from compress.datasets.csv_folder import SPELT
from compress.datasets.folder import SUFFIXES
from compress.datasets.splits import Dataset
from compress.errors import UserError, first_line

IMAGES, LABELS, NAMES = "images", "labels", ("data.yaml", "dataset.yaml", "classes.txt")


@config
class Yolo(BoxesConfig):
    """``path``/images/train/NAME.jpg and ``path``/labels/train/NAME.txt, or ``path``/train/images and train/labels, and
    the same of val and test; without such folders images/ and labels/ themselves. What there is none for is held out,
    with constant seeds. A line of a text file is a box: its class, x and y of its middle, width and height, in parts of
    the image's sides; or the corners of a polygon, whose box is taken. An image without a text file has no box.

    The names of classes are in ``path``/data.yaml (names) or classes.txt, a name a line.
    """

    name: Literal["yolo"] = "yolo"
    path: str
    """Folder that contains images and labels: absolute, or relative to the current folder or --data-dir."""

    @classmethod
    def is_at(cls, path: Path) -> bool:
        return _names_file(path) is not None and bool(_folders(path))

    def load(self, data_dir: Path | None = None, skip_bad_images: bool = False) -> Dataset:
        """See ``DatasetConfig.load``. Raises UserError naming the file that is missing or not what it should be."""
        self.check()
        root = located(self.path, data_dir, f"folder with {IMAGES}, {LABELS} and {NAMES[0]} or {NAMES[2]}", self.is_at)
        names = _read_names(root)
        listed: dict[str, list[Listed]] = {}
        without = alone = 0
        for part, (images, labels) in _folders(root).items():
            files = sorted(path for path in images.iterdir() if path.suffix.lower() in SUFFIXES)
            alone += len({path.stem for path in labels.glob("*.txt")} - {path.stem for path in files} - {"classes"})
            without += sum(not (labels / f"{path.stem}.txt").is_file() for path in files)
            listed[part] = [_read(path, labels / f"{path.stem}.txt", names) for path in files]
        if "train" not in listed:
            raise UserError(f"{root} has no images for the split train")
        notes = [f"{without} images have no text file, and so no box"] if without else []
        notes += [f"{alone} text files have no image, and were left out"] if alone else []
        return dataset_of(self.name, listed, names, self, notes, skip_bad_images)


def _folders(root: Path) -> dict[str, tuple[Path, Path]]:
    """Part -> (its images, its labels)."""
    found: dict[str, tuple[Path, Path]] = {}
    for spelling, part in SPELT.items():
        for pair in (
            (root / IMAGES / spelling, root / LABELS / spelling),
            (root / spelling / IMAGES, root / spelling / LABELS),
        ):
            if all(folder.is_dir() for folder in pair):
                if part in found:
                    raise UserError(f"both {found[part][0]} and {pair[0]} exist: keep only one as the {part} split")
                found[part] = pair
    both = (root / IMAGES, root / LABELS)
    return found or ({"train": both} if all(folder.is_dir() for folder in both) else {})


def _names_file(root: Path) -> Path | None:
    return next((root / name for name in NAMES if (root / name).is_file()), None)


def _read_names(root: Path) -> list[str]:
    """Of the classes, by their numbers."""
    path = _names_file(root)
    if path is None:
        raise UserError(f"{root} has no {' or '.join(NAMES)} with the names of the classes")
    import yaml

    try:
        if path.suffix == ".txt":
            return [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
        names: Any = yaml.safe_load(path.read_text())["names"]
        return [str(names[number]) for number in range(len(names))]
    except (OSError, yaml.YAMLError, LookupError, TypeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} has no list of class names ({first_line(error)})") from error


def _read(image: Path, path: Path, names: list[str]) -> Listed:
    boxes, labels = [], []
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines() if path.is_file() else []
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {first_line(error)}") from error
    for number, line in enumerate(lines, start=1):
        if not line.split():
            continue
        try:
            kind, *numbers = line.split()
            places = np.array(numbers, float)
            labels.append(names[_whole(kind)])
        except (ValueError, LookupError, OverflowError) as error:
            raise UserError(
                f"{path}: line {number} is not a box of one of the {len(names)} classes: {line[:60]}"
            ) from error
        if len(places) == 4:
            x, y, width, height = places
            boxes.append([y - height / 2, x - width / 2, y + height / 2, x + width / 2])
        elif len(places) >= 6 and len(places) % 2 == 0:
            x, y = places[::2], places[1::2]
            boxes.append([y.min(), x.min(), y.max(), x.max()])
        else:
            raise UserError(f"{path}: line {number} has {len(places)} numbers after its class: a box needs 4")
        if not np.isfinite(boxes[-1]).all() or np.abs(boxes[-1]).max() > 2:
            raise UserError(
                f"{path}: line {number} must have coordinates from 0 to 1, as fractions of the image's sides: "
                f"{line[:60]}"
            )
    kinds = np.zeros(len(boxes), int)
    return Listed(image, np.array(boxes).reshape(-1, 4), labels, kinds, relative=True)


def _whole(text: str) -> int:
    """A class's number, which some programs write as 3.0."""
    number = int(float(text))
    if number != float(text) or number < 0:
        raise ValueError(text)
    return number
