"""Pascal VOC's layout: a folder of images, an XML for each, and lists of which are for what."""

from collections.abc import Collection
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

import numpy as np

from compress.config import config
from compress.datasets.base import located
from compress.datasets.boxes import BoxesConfig, Listed, dataset_of
from compress.datasets.folder import SUFFIXES, image_files
from compress.datasets.splits import Dataset
from compress.errors import UserError, few, first_line
from compress.metrics.detection import COUNTS, DIFFICULT

IMAGES, XML, SETS = "JPEGImages", "Annotations", "ImageSets/Main"
LISTS = {"train": "train", "validation": "val", "test": "test"}
SIDES = ("ymin", "xmin", "ymax", "xmax")


@config
class Voc(BoxesConfig):
    """``path``/JPEGImages/NAME.jpg, ``path``/Annotations/NAME.xml, and ``path``/ImageSets/Main/train.txt, val.txt and
    test.txt with a NAME a line, which may have folders in it; trainval.txt stands in for train.txt. Without lists all
    images are taken. Without test.txt 20 % are held out for test, without val.txt 10 % of the rest for validation, with
    constant seeds.

    Everingham, Van Gool, Williams, Winn and Zisserman, "The Pascal Visual Object Classes (VOC) Challenge", 2010. The
    first pixel is 1; boxes that are ``difficult`` are not trained on and count neither as found nor as missed.
    """

    name: Literal["voc"] = "voc"
    path: str
    """Folder that contains JPEGImages: absolute, or relative to the current folder or --data-dir."""

    @classmethod
    def is_at(cls, path: Path) -> bool:
        return not _lacking(path)

    def load(self, data_dir: Path | None = None, skip_bad_images: bool = False) -> Dataset:
        """See ``DatasetConfig.load``. Raises UserError naming the file that is missing or not what it should be."""
        self.check()
        root = located(self.path, data_dir, f"folder with {XML} and {IMAGES}", self.is_at, _lacking)
        files: dict[str, Path] = {}
        for path in image_files(root / IMAGES):
            stem = _stem(path, root / IMAGES)
            if stem in files:
                raise UserError(
                    f"{files[stem]} and {path.name} have the same name: keep only the one that belongs to {stem}.xml"
                )
            files[stem] = path
        stems, notes, faults = _stems(root, files)
        misnamed: list[str] = []
        listed = {part: [_read(root, stem, files[stem], misnamed) for stem in own] for part, own in stems.items()}
        if alone := sorted(_described(root) - files.keys()):
            faults.append(f"{len(alone)} XML files have no image, such as {alone[0]}.xml: they were left out")
        if misnamed:
            faults.append(
                f"{len(misnamed)} XML files name another image, such as {misnamed[0]}: the XML file's own name is used"
            )
        names = sorted({name for images in listed.values() for image in images for name in image.names})
        return dataset_of(self.name, listed, names, self, notes, faults, skip_bad_images)


def _lacking(path: Path) -> str:
    """Which of the two folders are missing."""
    return " and no ".join(name for name in (XML, IMAGES) if not (path / name).is_dir())


def _stems(root: Path, files: dict[str, Path]) -> tuple[dict[str, list[str]], list[str], list[str]]:
    """(part -> names, notes, faults). Where no list is for train, all that no list names are, and that have an XML.

    Raises UserError for images that are not there, and for one in two lists.
    """
    folder = root / SETS
    lists = {part: folder / f"{name}.txt" for part, name in LISTS.items()}
    if not lists["train"].is_file() and (folder / "trainval.txt").is_file():
        lists["train"] = folder / "trainval.txt"
    stems = {part: _listed(path, files) for part, path in lists.items() if path.is_file()}
    notes, faults = list[str](), list[str]()
    if "train" not in stems:
        there, others = _described(root), {each for own in stems.values() for each in own}
        stems = {"train": [stem for stem in files if stem in there - others], **stems}
        if missing := [stem for stem in files if stem not in there]:
            faults.append(f"{len(missing)} images have no XML, such as {files[missing[0]].name}: they were left out")
        if others:
            notes.append(
                f"no {SETS}/train.txt: the {len(stems['train'])} images that are in no list are used for training"
            )
    if lists["train"].stem == "trainval":
        others = set(stems.get("validation", ()))
        stems["train"] = [stem for stem in stems["train"] if stem not in others]
    seen: dict[str, str] = {}
    for part, own in stems.items():
        if missing := [stem for stem in own if stem not in files]:
            raise UserError(f"{lists[part]}: {root / IMAGES} has no image for {few(missing)}")
        for stem in own:
            if stem in seen:
                raise UserError(f"{lists[part]}: {stem} is also in {seen[stem]}")
            seen[stem] = lists[part].name
    return stems, notes, faults


def _stem(path: Path, folder: Path) -> str:
    """What lists call an image: its path below the ``folder``, without a suffix."""
    return path.relative_to(folder).with_suffix("").as_posix()


def _described(root: Path) -> set[str]:
    """The names of which there is an XML."""
    return {_stem(path, root / XML) for path in (root / XML).rglob("*.xml")}


def _listed(path: Path, files: Collection[str]) -> list[str]:
    """The image of each line of a list, as ``files`` has it: the whole line, or its first word before a number, with or
    without the suffix of the file. A line that is none of these stays as it is."""
    stems = []
    for line in filter(None, map(str.strip, path.read_text(errors="replace").splitlines())):
        names = (line, line.split()[0])
        named = (name for whole in names for name in (whole, _without_suffix(whole)) if name in files)
        stems.append(next(named, line))
    return stems


def _without_suffix(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return stem if f"{dot}{suffix.lower()}" in SUFFIXES else name


def _read(root: Path, stem: str, image: Path, misnamed: list[str]) -> Listed:
    """What the XML of an image lists; one that names another image adds its own name to ``misnamed``."""
    path = root / XML / f"{stem}.xml"
    if not path.is_file():
        raise UserError(f"{path} is missing: every image needs an XML file, even one without a box")
    try:
        tree = ElementTree.parse(path).getroot()
        named = (tree.findtext("filename") or "").strip()
        if named and _without_suffix(named.replace("\\", "/").rpartition("/")[2]) != image.stem:
            misnamed.append(path.name)
        objects = tree.findall("object")
        boxes = np.array([[float(one.findtext(f"bndbox/{side}", "")) for side in SIDES] for one in objects])
        difficult = [_is_difficult(one.findtext("difficult") or "0") for one in objects]
        names = [(one.findtext("name") or "").strip() for one in objects]
        size = tuple(int(float(tree.findtext(f"size/{side}") or 0)) for side in ("height", "width"))
    except (OSError, ValueError, LookupError, ElementTree.ParseError) as error:
        raise UserError(f"{path} is not in Pascal VOC's format ({first_line(error)})") from error
    if not np.isfinite(boxes).all() or not all(names):
        raise UserError(f"{path} has a box without a class, or with coordinates that are NaN or infinite")
    boxes = boxes.reshape(-1, 4)
    flat = (boxes[:, 2:] <= boxes[:, :2]).any(axis=1, keepdims=True)
    boxes = np.where(flat, 0, boxes - np.array([1, 1, 0, 0]))  # the first pixel is 1, and the last one inside
    kinds = np.where(difficult, DIFFICULT, COUNTS)
    return Listed(image, boxes, names, kinds, (size[0], size[1]) if all(size) else None)


def _is_difficult(text: str) -> bool:
    """Some programs write "Unspecified" for what nobody said. Raises ValueError for what is neither that nor 0 or 1."""
    known = {"unspecified": False, "0": False, "0.0": False, "1": True, "1.0": True}
    if text.strip().lower() not in known:
        raise ValueError(f"difficult is {text!r}")
    return known[text.strip().lower()]
