"""COCO's layout: a JSON that lists images, classes and boxes, and folders of images."""

import json
import os
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, Literal

import numpy as np

from compress.config import config
from compress.datasets.base import located
from compress.datasets.boxes import BoxesConfig, Listed, dataset_of
from compress.datasets.splits import Dataset
from compress.errors import UserError, few, first_line
from compress.metrics.detection import COUNTS, CROWD

ALL = "instances.json"
# part -> where its list may be
LISTS = {
    "train": ("annotations/instances_train*.json", "train/_annotations.coco.json"),
    "validation": ("annotations/instances_val*.json", "valid/_annotations.coco.json"),
    "test": ("annotations/instances_test*.json", "test/_annotations.coco.json"),
}


@config
class Coco(BoxesConfig):
    """``path``/instances.json and the images in ``path``/images; or a list for each split: annotations/
    instances_train2017.json, instances_val2017.json and instances_test2017.json with train2017/ and so on, or train/,
    valid/ and test/ with _annotations.coco.json in each. What there is none for is held out, with constant seeds.

    Lin et al., "Microsoft COCO: Common Objects in Context", 2014. Boxes with ``iscrowd`` stand for many things: they
    are not trained on, and whatever is found in them counts neither as right nor as wrong.
    """

    name: Literal["coco"] = "coco"
    path: str
    """Folder that contains the annotation files and images: absolute, or relative to the current folder or
    --data-dir."""

    @classmethod
    def is_at(cls, path: Path) -> bool:
        return (path / ALL).is_file() or any(any(path.glob(pattern)) for pattern in LISTS["train"])

    def load(self, data_dir: Path | None = None, skip_bad_images: bool = False) -> Dataset:
        """See ``DatasetConfig.load``. Raises UserError naming the file that is missing or not what it should be."""
        self.check()
        root = located(self.path, data_dir, f"folder with {ALL}, or COCO's annotations/", self.is_at)
        tables = {part: _table(root, part) for part in LISTS} if not (root / ALL).is_file() else {"train": root / ALL}
        read = {part: _read(path, root) for part, path in tables.items() if path is not None}
        names = read["train"][1]
        seen: dict[str, str] = {}
        for part, (images, _) in read.items():
            for image in images:
                if (path := os.path.normpath(image.path)) in seen:
                    where = "twice in one split" if seen[path] == part else f"in two splits: {seen[path]} and {part}"
                    raise UserError(f"{tables[part]}: the image {image.path} is {where}")
                seen[path] = part
        for part, (_, own) in read.items():
            wanted = [name for name in own if self.classes is None or name in self.classes]
            if other := [name for name in wanted if name not in names]:
                raise UserError(f"{tables[part]} has classes that {tables['train']} does not have: {few(other)}")
        return dataset_of(
            self.name, {part: images for part, (images, _) in read.items()}, names, self, (), (), skip_bad_images
        )


def _table(root: Path, part: str) -> Path | None:
    found = [path for pattern in LISTS[part] for path in sorted(root.glob(pattern))]
    if len(found) > 1:
        raise UserError(f"both {found[0]} and {found[1]} exist: keep only one as the {part} split")
    return found[0] if found else None


def _read(path: Path, root: Path) -> tuple[list[Listed], list[str]]:
    """(the images of a table with their boxes, the names of its classes in the order of their numbers)."""
    try:
        table = json.loads(path.read_text())
        categories = sorted(table["categories"], key=lambda each: each["id"])
        _check_ids(path, "classes", categories)
        _check_ids(path, "images", table["images"])
        names = {each["id"]: str(each["name"]).strip() for each in categories}
        boxes: dict[Any, list[list[float]]] = defaultdict(list)
        labels: dict[Any, list[str]] = defaultdict(list)
        kinds: dict[Any, list[int]] = defaultdict(list)
        known = {each["id"] for each in table["images"]}
        for each in table["annotations"]:
            if each["image_id"] not in known:
                raise UserError(f"{path}: a box belongs to the image {each['image_id']}, which is not listed")
            x, y, width, height = map(float, each["bbox"])
            boxes[each["image_id"]].append([y, x, y + height, x + width])
            labels[each["image_id"]].append(names[each["category_id"]])
            kinds[each["image_id"]].append(CROWD if each.get("iscrowd") else COUNTS)
        listed = [
            Listed(
                _image(root, path, str(each["file_name"])),
                np.array(boxes[each["id"]]).reshape(-1, 4),
                labels[each["id"]],
                np.array(kinds[each["id"]], int),
                (int(each["height"]), int(each["width"])) if each.get("height") and each.get("width") else None,
            )
            for each in table["images"]
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else first_line(error)
        raise UserError(f"{path} is not in COCO's format ({reason})") from error
    if any(not np.isfinite(each.boxes).all() for each in listed):
        raise UserError(f"{path} has a box whose coordinates are NaN or infinite")
    return listed, list(names.values())


def _check_ids(path: Path, what: str, entries: list[Any]) -> None:
    """Raises UserError for a number that two of the entries have: boxes name their image and class by it."""
    numbers = Counter(each["id"] for each in entries)
    if doubled := [number for number, count in numbers.items() if count > 1]:
        raise UserError(f"{path}: two {what} have the id {doubled[0]}")


def _image(root: Path, table: Path, name: str) -> Path:
    """instances_train2017.json lists images of train2017/."""
    for folder in (root / table.stem.removeprefix("instances_"), table.parent, root / "images", root):
        if (folder / name).is_file():
            return folder / name
    raise UserError(f"{table} names the image {name}, which does not exist")
