"""Which images of YOLO's layout are for what: as data.yaml says, or else by the names of folders."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import digits
from typing import Any

from compress.datasets.csv_folder import SPELT
from compress.datasets.folder import image_files, is_image
from compress.errors import UserError, first_line

IMAGES, LABELS = "images", "labels"
KEYS = {"train": "train", "val": "validation", "test": "test"}
"""A key of data.yaml -> the split whose images it names."""


@dataclass(frozen=True)
class Splits:
    """``images`` of each split, in order; ``faults``, a line for each thing that was left out."""

    images: dict[str, list[Path]]
    faults: list[str]


def splits_of(root: Path, told: Mapping[str, Any]) -> Splits:
    """The splits that ``told``, the content of data.yaml, names; the others by folders. A split without images is
    not there. Raises UserError for one that is there twice, and for an image in two of them."""
    folders, single = folders_of(root)
    named, faults = _named(root, told)
    found = {part: image_files(images) for part, (images, _) in folders.items() if part not in named} | named
    images = {part: found[part] for part in KEYS.values() if found.get(part)}
    repeated = _same_again(images)
    chosen = {path for paths in images.values() for path in paths}
    for folder, other in single:
        own = image_files(folder)
        if not own or not chosen.issuperset(own):
            faults.append(f"{folder} was left out: {other} is missing")
        chosen.update(own)
    if unused := [path for path in image_files(root) if path not in chosen]:
        faults.append(f"{len(unused)} images are in no split, such as {unused[0].relative_to(root)}, and were left out")
    return Splits(images, [*faults, *repeated])


def text_file_of(image: Path, root: Path) -> Path:
    """Where an image's boxes are: below labels/ in place of the last folder images/ inside ``root``; without one,
    beside it."""
    above = root if image.is_relative_to(root) else Path(image.anchor)
    parts = list(image.relative_to(above).parts[:-1])
    if IMAGES in parts:
        parts[len(parts) - 1 - parts[::-1].index(IMAGES)] = LABELS
    return above.joinpath(*parts, f"{image.stem}.txt")


def folders_of(root: Path) -> tuple[dict[str, tuple[Path, Path]], list[tuple[Path, Path]]]:
    """(part -> its images and its labels; each folder of a part of which the other of the two is missing, with that).

    A number may follow the name of a part: "train2017" is train. Without such folders images/ and labels/ are train.
    """
    inside = [path for parent in (root, root / IMAGES, root / LABELS) if parent.is_dir() for path in parent.iterdir()]
    part_of = {path.name: SPELT.get(path.name.rstrip(digits).lower()) for path in sorted(inside) if path.is_dir()}
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
    if not found and all(folder.is_dir() for folder in both) and (not single or any(map(is_image, both[0].iterdir()))):
        found = {"train": both}
    return found, single


def names_train(root: Path, told: Mapping[str, Any]) -> bool:
    """Whether the content of data.yaml names training images that are there."""
    return any(_place(root, told, entry) for entry in _entries(told.get("train")))


def _named(root: Path, told: Mapping[str, Any]) -> tuple[dict[str, list[Path]], list[str]]:
    """(part -> the images that data.yaml names for it, a line for each part that it names in vain)."""
    named, faults = dict[str, list[Path]](), list[str]()
    for key, part in KEYS.items():
        entries = _entries(told.get(key))
        places = [_place(root, told, entry) for entry in entries]
        missing = [entry for entry, place in zip(entries, places, strict=True) if place is None]
        if missing and len(missing) < len(entries):
            raise UserError(f"{root}: data.yaml names {missing[0]} for {key}, which does not exist")
        if missing:
            faults.append(f"data.yaml names {missing[0]} for {key}, which does not exist: it was passed over")
            continue
        images = list(dict.fromkeys(path for place in places if place for path in _images_at(place, root, told)))
        if images and not any(text_file_of(path, root).is_file() for path in images):
            faults.append(f"data.yaml names {entries[0]} for {key}, whose images have no text file: it was passed over")
        elif images:
            named[part] = images
    return named, faults


def _entries(value: Any) -> list[str]:
    """What a key of data.yaml names: a folder or list, several of them, or nothing."""
    if not value:
        return []
    if isinstance(value, str):
        return [value]
    if isinstance(value, Sequence) and all(isinstance(each, str) for each in value):
        return list(value)
    raise UserError(f"data.yaml: train, val and test name folders or lists of images, not {value!r}")


def _place(root: Path, told: Mapping[str, Any], entry: str) -> Path | None:
    """Where what data.yaml names is: below its ``path`` or below the folder itself, from which programs that export
    such files often go up once too far."""
    inner = Path(*(part for part in Path(entry).parts if part != ".."))
    base = _base(root, told)
    for path in (base / entry, root / entry, base / inner, root / inner):
        if path.is_dir() or (path.suffix == ".txt" and path.is_file()):
            return Path(os.path.normpath(path))
    return None


def _base(root: Path, told: Mapping[str, Any]) -> Path:
    """The folder below which data.yaml names images."""
    return root / str(told.get("path") or "")


def _images_at(place: Path, root: Path, told: Mapping[str, Any]) -> list[Path]:
    """The images of a folder, or those that a list names, a line each."""
    if place.is_dir():
        return image_files(place)
    try:
        lines = [line.strip() for line in place.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{place} cannot be read: {first_line(error)}") from error
    bases = (place.parent, _base(root, told), root)
    images = []
    for line in lines:
        found = next((base / line for base in bases if (base / line).is_file()), None)
        if found is None:
            raise UserError(f"{place}: the image {line} does not exist")
        images.append(Path(os.path.normpath(found)))
    return images


def _same_again(images: dict[str, list[Path]]) -> list[str]:
    """Takes out of ``images`` each split that is the same as one before it, and gives a line for it."""
    lines = []
    for part in list(images):
        for before in list(images)[: list(images).index(part)]:
            own, others = set(images[part]), set(images[before])
            if own == others:
                lines.append(f"the {part} images are those of the {before} split: others are held out in their place")
                del images[part]
                break
            if both := own & others:
                raise UserError(f"{min(both)} is in two splits, {before} and {part}: an image belongs to one")
    return lines
