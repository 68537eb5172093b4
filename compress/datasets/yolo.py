"""The layout of YOLO's programs: folders of images and of labels, a text file an image, boxes in parts of its sides."""

from pathlib import Path
from typing import Any, Literal

import numpy as np

from compress.config import config
from compress.datasets.base import located
from compress.datasets.boxes import BoxesConfig, Listed, dataset_of
from compress.datasets.splits import Dataset
from compress.datasets.yolo_splits import IMAGES, LABELS, folders_of, names_train, splits_of, text_file_of
from compress.errors import UserError, first_line

NAMES = ("data.yaml", "dataset.yaml", "classes.txt")
NAMES_FILE = f"{NAMES[0]} or {NAMES[2]}"


@config
class Yolo(BoxesConfig):
    """The images that ``path``/data.yaml names for train, val and test (folders, or lists of files), with a text file
    each: images/a/NAME.jpg has labels/a/NAME.txt. For what data.yaml does not name: images/train and labels/train, or
    train/images and train/labels, and the same of val and test, also with a number behind, such as train2017; without
    such folders images/ and labels/ themselves. Folders are read with those inside them. What there is no split for is
    held out, with constant seeds.

    A line of a text file is a box: its class, x and y of its middle, width and height, in parts of the image's sides;
    or the corners of a polygon, whose box is taken. An image without a text file has no box. Where data.yaml has
    kpt_shape, keypoints follow the box and are not read.

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
        told = _told(root)
        names, beside = _names(root, told)
        splits = splits_of(root, told)
        if "train" not in splits.images:
            raise UserError("; ".join([f"{root} has no images with labels for the split train", *splits.faults]))
        by_text = {part: _by_text_file(images, root) for part, images in splits.images.items()}
        listed = {
            part: [_read(path, text, names, beside) for text, path in own.items()] for part, own in by_text.items()
        }
        texts = {text for own in by_text.values() for text in own}
        without = sum(not path.is_file() for path in texts)
        folders = {path.parent for path in texts}
        alone = {path for folder in folders for path in folder.glob("*.txt") if path.stem != "classes"} - texts
        faults = list(splits.faults)
        faults += [f"{without} images have no text file, and so no box"] if without else []
        faults += [f"{len(alone)} text files have no image, and were left out"] if alone else []
        return dataset_of(self.name, listed, names, self, (), faults, skip_bad_images)


def _by_text_file(images: list[Path], root: Path) -> dict[Path, Path]:
    """The text file of each image -> the image, in order. Raises UserError for two with the same one."""
    found: dict[Path, Path] = {}
    for path in images:
        if (other := found.setdefault(text_file_of(path, root), path)) is not path:
            raise UserError(
                f"{other} and {path.name} have the same name: keep only the one that belongs to {path.stem}.txt"
            )
    return found


def _lacking(root: Path) -> str:
    """What a folder misses of the layout, in words."""
    folders, single = folders_of(root)
    missing = [name for name in (IMAGES, LABELS) if not (root / name).is_dir()] if not folders and not single else []
    if missing and names_train(root, _told(root)):
        missing = []
    return " and no ".join(missing + ([] if _names_file(root) else [NAMES_FILE]))


def _names_file(root: Path) -> Path | None:
    return next((root / name for name in NAMES if (root / name).is_file()), None)


def _told(root: Path) -> dict[str, Any]:
    """The content of data.yaml, or the lines of classes.txt as its ``names``; {} where there is none."""
    path = _names_file(root)
    if path is None:
        return {}
    import yaml

    try:
        if path.suffix == ".txt":
            return {"names": path.read_text(encoding="utf-8-sig").rstrip().splitlines()}
        told: Any = yaml.safe_load(path.read_text())
        if not isinstance(told, dict):
            raise TypeError(f"it is {told!r}")
        return told
    except (OSError, yaml.YAMLError, TypeError, ValueError) as error:
        raise UserError(f"{path} has no list of class names ({first_line(error)})") from error


def _names(root: Path, told: dict[str, Any]) -> tuple[list[str], int | None]:
    """(the classes by their numbers; how many numbers of keypoints follow a box, None where there are none)."""
    path = _names_file(root)
    try:
        names, keypoints = told["names"], told.get("kpt_shape")
        if not isinstance(names, list | dict):
            raise TypeError(f"names is {names!r}")
        stripped = [str(names[number]).strip() for number in range(len(names))]
        if not stripped or not all(stripped):
            raise ValueError("an empty line would move the numbers of the classes behind it")
        return stripped, None if keypoints is None else int(keypoints[0]) * int(keypoints[1])
    except (LookupError, TypeError, ValueError) as error:
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
