"""The layout of YOLO's programs: folders of images and of labels, a text file an image, boxes in parts of its sides."""

from pathlib import Path
from string import digits
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
NAMES_FILE = f"{NAMES[0]} or {NAMES[2]}"


@config
class Yolo(BoxesConfig):
    """``path``/images/train/NAME.jpg and ``path``/labels/train/NAME.txt, or ``path``/train/images and train/labels, and
    the same of val and test, also with a number behind, such as train2017; without such folders images/ and labels/
    themselves. What there is none for is held out,
    with constant seeds. A line of a text file is a box: its class, x and y of its middle, width and height, in parts of
    the image's sides; or the corners of a polygon, whose box is taken. An image without a text file has no box. Where
    data.yaml has kpt_shape, keypoints follow the box and are not read.

    The names of classes are in ``path``/data.yaml (names) or classes.txt, a name a line.
    """

    name: Literal["yolo"] = "yolo"
    path: str
    """Folder that contains images and labels: absolute, or relative to the current folder or --data-dir."""

    @classmethod
    def is_at(cls, path: Path) -> bool:
        return _names_file(path) is not None and not _lacking(path)

    def load(self, data_dir: Path | None = None, skip_bad_images: bool = False) -> Dataset:
        """See ``DatasetConfig.load``. Raises UserError naming the file that is missing or not what it should be."""
        self.check()
        root = located(self.path, data_dir, f"folder with {IMAGES}, {LABELS} and {NAMES_FILE}", self.is_at, _lacking)
        names, beside = _read_names(root)
        folders, single = _folders(root)
        if "train" not in folders:
            missing = "; ".join(f"{folder} is there, but {other} is missing" for folder, other in single)
            raise UserError(f"{root} has no images with labels for the split train{f': {missing}' if missing else ''}")
        listed: dict[str, list[Listed]] = {}
        without = alone = 0
        for part, (images, labels) in folders.items():
            files = _images(images)
            alone += len({path.stem for path in labels.glob("*.txt")} - {path.stem for path in files} - {"classes"})
            without += sum(not (labels / f"{path.stem}.txt").is_file() for path in files)
            listed[part] = [_read(path, labels / f"{path.stem}.txt", names, beside) for path in files]
        faults = [f"{folder} was left out: {other} is missing" for folder, other in single]
        faults += [f"{without} images have no text file, and so no box"] if without else []
        faults += [f"{alone} text files have no image, and were left out"] if alone else []
        return dataset_of(self.name, listed, names, self, (), faults, skip_bad_images)


def _folders(root: Path) -> tuple[dict[str, tuple[Path, Path]], list[tuple[Path, Path]]]:
    """(part -> its images and its labels; each folder of a part of which the other of the two is missing, with that).

    A number may follow the name of a part: "train2017" is train.
    """
    inside = [path for parent in (root, root / IMAGES, root / LABELS) if parent.is_dir() for path in parent.iterdir()]
    part_of = {path.name: SPELT.get(path.name.rstrip(digits)) for path in sorted(inside) if path.is_dir()}
    found: dict[str, tuple[Path, Path]] = {}
    single = []
    for name, part in part_of.items():
        for pair in ((root / IMAGES / name, root / LABELS / name), (root / name / IMAGES, root / name / LABELS)):
            there = [folder for folder in pair if folder.is_dir()]
            if part is None or not there:
                continue
            if len(there) == 1:
                single.append((there[0], pair[1 - pair.index(there[0])]))
            elif part in found:
                raise UserError(f"both {found[part][0]} and {pair[0]} exist: keep only one as the {part} split")
            else:
                found[part] = pair
    both = (root / IMAGES, root / LABELS)
    if not found and all(folder.is_dir() for folder in both) and (_images(both[0]) or not single):
        return {"train": both}, single
    return {part: found[part] for part in dict.fromkeys(SPELT.values()) if part in found}, single


def _images(folder: Path) -> list[Path]:
    """In the order of their names. Raises UserError for two to which one text file would belong."""
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    by_stem: dict[str, Path] = {}
    for path in files:
        if (other := by_stem.setdefault(path.stem, path)) is not path:
            raise UserError(
                f"{other} and {path.name} have the same name: keep only the one that belongs to {path.stem}.txt"
            )
    return files


def _lacking(root: Path) -> str:
    """What a folder misses of the layout, in words."""
    folders, single = _folders(root)
    missing = [name for name in (IMAGES, LABELS) if not (root / name).is_dir()] if not folders and not single else []
    return " and no ".join(missing + ([] if _names_file(root) else [NAMES_FILE]))


def _names_file(root: Path) -> Path | None:
    return next((root / name for name in NAMES if (root / name).is_file()), None)


def _read_names(root: Path) -> tuple[list[str], int | None]:
    """(the classes by their numbers; how many numbers of keypoints follow a box, None where there are none)."""
    path = _names_file(root)
    if path is None:
        raise UserError(f"{root} has no {NAMES_FILE} with the names of the classes")
    import yaml

    try:
        if path.suffix == ".txt":
            lines = path.read_text(encoding="utf-8-sig").rstrip().splitlines()
            if not lines or not all(map(str.strip, lines)):
                raise ValueError("an empty line would move the numbers of the classes behind it")
            return [line.strip() for line in lines], None
        told: Any = yaml.safe_load(path.read_text())
        names, keypoints = told["names"], told.get("kpt_shape")
        if not isinstance(names, list | dict):
            raise TypeError(f"names is {names!r}")
        beside = None if keypoints is None else int(keypoints[0]) * int(keypoints[1])
        return [str(names[number]) for number in range(len(names))], beside
    except (OSError, yaml.YAMLError, LookupError, TypeError, ValueError) as error:
        raise UserError(f"{path} has no list of class names ({first_line(error)})") from error


def _read(image: Path, path: Path, names: list[str], beside: int | None) -> Listed:
    """``beside``: how many numbers of keypoints follow each box, None where there are none."""
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
        if len(places) == 4 + (beside or 0):
            x, y, width, height = places[:4]
            boxes.append([y - height / 2, x - width / 2, y + height / 2, x + width / 2])
        elif beside is None and len(places) >= 6 and len(places) % 2 == 0:
            x, y = places[::2], places[1::2]
            boxes.append([y.min(), x.min(), y.max(), x.max()])
        else:
            needs = f"a box with its keypoints needs {4 + beside}" if beside else "a box needs 4"
            raise UserError(f"{path}: line {number} has {len(places)} numbers after its class: {needs}")
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
