"""Arrays of the user's own, of any shape: in an .npz, in a folder of .npy files, or in memory."""

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import PlainValidator

from compress.config import config
from compress.datasets.base import (
    DatasetConfig,
    checked_size,
    located,
)
from compress.datasets.images import Size, to_channels
from compress.datasets.missing_splits import held_out_rows, split_notes
from compress.datasets.splits import ArraySplit, Dataset
from compress.errors import UserError, first_line
from compress.targets import ClassIndices, ClassSets, Quantities, Targets

TargetKind = Literal["classes", "class_sets", "numbers"]
KINDS: dict[str, TargetKind] = {"classification": "classes", "multi_label": "class_sets", "regression": "numbers"}

Pair = tuple[np.ndarray, np.ndarray]
"""Examples and their labels."""

# what follows "x_" and "y_" in the name of an array, in capitals or not
PARTS = {"train": ("train",), "validation": ("validation", "val", "valid"), "test": ("test",)}
HOW = "save it by np.savez(path, x_train=..., y_train=..., x_test=..., y_test=...)"


@config
class Arrays(DatasetConfig):
    """``path`` is an .npz with x_train, y_train, x_test, y_test and optionally x_val, y_val, or a folder of such .npy.

    x is (n, ...), of any shape. uint8 are pixels or other bytes, which networks read as value / 255; all other numbers
    become float32 and are not scaled. uint8 (n, h, w) are grey images. y is whole numbers (n,) from 0, one-hot
    (n, classes), or words for classes; 0 and 1 (n, classes) for several classes per example; other numbers, (n,) or
    (n, numbers), are learned as numbers. ``classes`` names them. Without test or validation, those
    are held out as in a folder of images.

    ``size`` and ``channels`` are for uint8 images, which stay as they are where nothing is given. ``path`` is absolute,
    or relative to the current folder or, if it does not exist there, to the data folder.
    """

    HAS_OWN_SHAPE: ClassVar[bool] = True
    name: Literal["arrays"] = "arrays"
    path: str
    """The .npz file or folder of .npy files: absolute, or relative to the current folder or --data-dir."""
    size: Annotated[Size | None, PlainValidator(lambda value: None if value is None else checked_size(value))] = None  # type: ignore[assignment]
    """[height, width] in pixels to which uint8 images are resized. Default: not resized."""
    channels: Literal[1, 3] | None = None  # type: ignore[assignment]
    """Number of colour channels to which uint8 images are converted: 3 for RGB, 1 for grey. Default: not converted."""
    classes: tuple[str, ...] | None = None
    """Names of the classes, in the order of the labels. Default: taken from the labels."""
    targets: TargetKind | None = None
    """What y contains: "classes" (one per example), "class_sets" (several per example) or "numbers". Default: decided
    from y."""

    @classmethod
    def is_at(cls, path: Path) -> bool:
        """See ``DatasetConfig.is_at``: any file, and a folder of .npy files without train/."""
        return path.is_file() or (path.is_dir() and not (path / "train").is_dir() and any(path.glob("*.npy")))

    def load(self, data_dir: Path | None = None, skip_bad_images: bool = False) -> Dataset:
        """See ``DatasetConfig.load``. Raises UserError naming the array that is missing or not what it should be."""
        parts = read_arrays(located(self.path, data_dir, "file or folder", Path.exists))
        return in_memory(
            parts["train"],
            test=parts.get("test"),
            validation=parts.get("validation"),
            classes=self.classes,
            size=self.size,
            channels=self.channels,
            targets=self.targets,
        )


def in_memory(
    train: Pair,
    test: Pair | None = None,
    validation: Pair | None = None,
    classes: Sequence[str] | None = None,
    size: Size | None = None,
    channels: int | None = None,
    targets: TargetKind | None = None,
) -> Dataset:
    """The data set of arrays (x, y), as ``Arrays`` describes them; the caller's arrays are never written to.

    Raises UserError, in one line, for whatever cannot be trained on.
    """
    given = {"train": train, "validation": validation, "test": test}
    examples = {part: _array(f"x_{part}", pair[0]) for part, pair in given.items() if pair is not None}
    labels = {part: _array(f"y_{part}", pair[1]) for part, pair in given.items() if pair is not None}
    if all(_are_words(y) for y in labels.values()):
        labels, classes = _numbered(labels, classes)
    _examples("x_train", examples["train"])
    _, task = targets_of(labels["train"], "y_train", targets)
    pairs = {part: _checked(part, x, labels[part], KINDS[task]) for part, x in examples.items()}
    _check_alike({part: x for part, (x, _) in pairs.items()})
    names = _label_names({part: y for part, (_, y) in pairs.items()}, classes, _one_hot_width(labels["train"]))
    notes = [_values_note(pairs["train"][0])]
    if not isinstance(pairs["train"][1], ClassIndices):
        notes.append(f"y contains {KINDS[task].replace('_', ' ')}, so the task is {task}")
    held_out = held_out_rows({part: y for part, (_, y) in pairs.items()}, names)
    notes += split_notes(held_out, "x_{}", "x_train", "examples")
    x_train, y_train = pairs["train"]
    pairs |= {part: (x_train[rows], y_train.take(rows)) for part, rows in held_out.items()}
    if size is not None or channels is not None:
        pairs = {part: (_images(x, channels), y) for part, (x, y) in pairs.items()}
    splits = {part: ArraySplit(x, y, size) for part, (x, y) in pairs.items()}
    for part, split in splits.items():
        if split.shape != splits["train"].shape:
            raise UserError(
                f"x_{part} has examples of shape {split.shape}, but x_train of {splits['train'].shape}"
                + (
                    ": give a size to which both are resized"
                    if len(split.shape) == 3 and split.images.dtype == np.uint8
                    else ""
                )
            )
    return Dataset.of("arrays", names, splits["train"], splits["validation"], splits["test"], notes, task)


def read_arrays(path: Path) -> dict[str, Pair]:
    """Part ("train", "validation", "test") -> its arrays; "train" is always there, pickled objects are never loaded."""
    try:
        files = _in_folder(path) if path.is_dir() else _in_archive(path)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        reason = "it holds Python objects" if "allow_pickle" in str(error) else first_line(error)
        raise UserError(f"{path} cannot be read as arrays of numbers ({reason}); {HOW}") from error
    parts: dict[str, Pair] = {}
    for part, spellings in PARTS.items():
        spelt = [spelling for spelling in spellings if {f"x_{spelling}", f"y_{spelling}"} & files.keys()]
        if len(spelt) > 1:
            raise UserError(f"{path} has both x_{spelt[0]} and x_{spelt[1]}: keep only one as the {part} split")
        if not spelt and part != "train":
            continue
        wanted = [f"{letter}_{(spelt or spellings)[0]}" for letter in "xy"]
        if missing := [name for name in wanted if name not in files]:
            there = ", ".join(sorted(files)) or "nothing"
            raise UserError(f"{path} has no {' and no '.join(missing)} (it has {there}); {HOW}")
        parts[part] = (files[wanted[0]], files[wanted[1]])
    return parts


def _in_archive(path: Path) -> dict[str, np.ndarray]:
    opened = np.load(path, allow_pickle=False)
    if isinstance(opened, np.ndarray):
        raise ValueError("it is one array")
    with opened:
        names = {name.lower(): name for name in opened.files}
        return {lower: opened[name] if lower[:2] in ("x_", "y_") else np.empty(0) for lower, name in names.items()}


def _in_folder(path: Path) -> dict[str, np.ndarray]:
    files = sorted(file for file in path.iterdir() if file.suffix == ".npy" and file.stem[:2].lower() in ("x_", "y_"))
    return {file.stem.lower(): np.load(file, allow_pickle=False) for file in files}


def _checked(part: str, x: np.ndarray, y: np.ndarray, kind: TargetKind) -> tuple[np.ndarray, Any]:
    """The examples, uint8 or float32 (n, ...), and their targets of that kind."""
    examples = _examples(f"x_{part}", x)
    if y.ndim == 0 or len(examples) != len(y):
        count = len(y) if y.ndim else "no"
        raise UserError(f"x_{part} has {len(examples)} examples, but y_{part} has {count} labels")
    return examples, targets_of(y, f"y_{part}", kind)[0]


def _array(name: str, values: Any) -> np.ndarray:
    try:
        return np.asarray(values)
    except ValueError as error:  # a list of lists of several lengths
        raise UserError(f"{name} cannot be read as an array: {first_line(error)}") from error


def _examples(name: str, x: np.ndarray) -> np.ndarray:
    if x.dtype.kind not in "fiub":
        kind = "Python objects" if x.dtype.kind == "O" else x.dtype.name
        raise UserError(f"{name} contains {kind}, not numbers (if its rows differ in length, pad them to one length)")
    if x.ndim < 2:
        raise UserError(f"{name} has the shape {x.shape}: expected (n, ...), one row per example")
    if x.size == 0:
        raise UserError(f"{name} is empty: its shape is {x.shape}")
    if x.dtype == np.uint8:
        if x.ndim == 4 and x.shape[1] in (1, 3) and x.shape[3] > 4:
            raise UserError(
                f"{name} has the shape {x.shape}, with the channels first: give {name}.transpose(0, 2, 3, 1)"
            )
        return x[..., None] if x.ndim == 3 else x
    with np.errstate(over="ignore"):
        values = x.astype(np.float32, copy=False)
    if not np.isfinite(values).all():
        bad = int(np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(axis=1))[0])
        raise UserError(f"{name} contains NaN or infinity, first in example {bad}")
    return values


def _are_words(y: np.ndarray) -> bool:
    return y.dtype.kind == "U" or (y.dtype.kind == "O" and all(isinstance(label, str) for label in y.flat))


def _numbered(
    labels: Mapping[str, np.ndarray], given: Sequence[str] | None
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Words as numbers, and the classes that these are of: ``given``, or train's in alphabetical order."""
    names = tuple(given) if given is not None else tuple(sorted({str(word) for word in labels["train"].flat}))
    places = {name: number for number, name in enumerate(names)}
    for part, words in labels.items():
        if unknown := {str(word) for word in words.flat} - places.keys():
            known = "classes" if given is not None else "y_train"
            raise UserError(f"y_{part} has the class {min(unknown)!r}, which does not occur in {known}")
    return {
        part: np.array([places[str(word)] for word in words.flat], np.int64).reshape(words.shape)
        for part, words in labels.items()
    }, names


def targets_of(y: np.ndarray, name: str = "y", targets: TargetKind | None = None) -> tuple[Targets, str]:
    """(targets, the name of their task) of an array: whole numbers are classes, 0 and 1 in columns are classes of
    which an example has several unless each has exactly one, all other numbers are quantities. ``targets`` decides
    otherwise. Raises UserError for what is none of these.
    """
    if y.dtype.kind not in "fiub":
        raise UserError(
            f"{name} contains {y.dtype.name}, not numbers; give the names of the classes as classes = [...]"
        )
    if y.ndim not in (1, 2) or not y.size:
        raise UserError(f"{name} has the shape {y.shape}: expected (n,) or (n, columns)")
    if not np.isfinite(y).all():
        raise UserError(f"{name} contains NaN or infinity")
    columns = y if y.ndim == 2 else y[:, None]
    whole = bool((columns == np.floor(columns)).all())
    zero_or_one = columns.shape[1] > 1 and bool(np.isin(columns, (0, 1)).all())
    one_each = zero_or_one and bool((columns.sum(axis=1) == 1).all())
    kind = targets or ("classes" if one_each or (whole and columns.shape[1] == 1) else
                       "class_sets" if zero_or_one else "numbers")  # fmt: skip
    if kind == "numbers":
        return Quantities(columns), "regression"
    if kind == "class_sets":
        if not np.isin(columns, (0, 1)).all():
            raise UserError(f"{name} has the shape {y.shape}: class sets must be 0 and 1, one column per class")
        return ClassSets(columns), "multi_label"
    if one_each:
        return ClassIndices(columns.argmax(axis=1)), "classification"
    if columns.shape[1] > 1 or not whole:
        raise UserError(f"{name} has the shape {y.shape}: classes must be whole numbers (n,), or one-hot (n, classes)")
    if columns.min() < 0:
        raise UserError(f"{name} has negative labels (the lowest is {columns.min():g}): classes are numbered from 0")
    return ClassIndices(columns[:, 0].astype(np.int64)), "classification"


def _one_hot_width(y: np.ndarray) -> int:
    """The number of columns of labels that can only be one-hot; else 0."""
    shape = np.shape(y)
    return shape[1] if len(shape) == 2 and shape[1] > 1 else 0


def _check_alike(examples: Mapping[str, np.ndarray]) -> None:
    first = examples["train"]
    for part, x in examples.items():
        if x.dtype != first.dtype:
            raise UserError(
                f"x_train is {first.dtype}, but x_{part} is {x.dtype}: both must have one type (uint8 is read as "
                "value / 255)"
            )
        if x.ndim != first.ndim:
            raise UserError(f"x_{part} has examples of shape {x.shape[1:]}, but x_train of {first.shape[1:]}")


def _label_names(targets: Mapping[str, Any], given: Sequence[str] | None, width: int) -> tuple[str, ...]:
    """Of classes, or of numbers; ``width`` is that of one-hot labels, 0 for others."""
    train = targets["train"]
    if isinstance(train, ClassIndices):
        return _class_names({part: each.labels for part, each in targets.items()}, given, width)
    columns = {part: next(iter(each.arrays().values())) for part, each in targets.items()}
    for part, values in columns.items():
        if values.shape[1] != columns["train"].shape[1]:
            raise UserError(f"y_{part} has {values.shape[1]} columns, but y_train has {columns['train'].shape[1]}")
    count = columns["train"].shape[1]
    if given is not None and len(given) != count:
        raise UserError(f"classes has {len(given)} names, but y_train has {count} columns")
    if given is not None:
        return tuple(given)
    if isinstance(train, ClassSets):
        return tuple(map(str, range(count)))
    return ("number",) if count == 1 else tuple(f"number {place}" for place in range(1, count + 1))


def _class_names(labels: Mapping[str, np.ndarray], given: Sequence[str] | None, width: int) -> tuple[str, ...]:
    """Of every class, numbers where none are ``given``; ``width`` is that of one-hot labels, 0 for others."""
    for part, values in labels.items():
        if given is not None and values.max() >= len(given):
            raise UserError(
                f"y_{part} has the label {values.max()}, but classes has {len(given)} names, for the labels 0 to "
                f"{len(given) - 1}"
            )
    if given is not None and len(set(given)) != len(given):
        raise UserError("classes contains the same name twice")
    present = set(np.unique(labels["train"]).tolist())
    if len(present) < 2:
        alone = min(present) if given is None else given[min(present)]
        raise UserError(f"y_train has only one class, {alone}: classification needs at least two")
    if given is not None:
        return tuple(given)
    count = max(width, *(int(values.max()) + 1 for values in labels.values()))
    if absent := [label for label in range(min(count, 10**6)) if label not in present]:
        more = f" and of {len(absent) - 1} more" if len(absent) > 1 else ""
        raise UserError(
            f"y_train has labels up to {count - 1} but no example of class {absent[0]}{more}: number the "
            "classes from 0 without gaps, or name all of them in classes = [...]"
        )
    return tuple(str(number) for number in range(count))


def _images(x: np.ndarray, channels: int | None) -> np.ndarray:
    if x.dtype != np.uint8 or x.ndim != 4:
        raise UserError(f"size and channels need uint8 images (n, h, w, c), but x_train is {x.dtype} {x.shape}")
    if channels is not None and x.shape[3] not in (1, 3):
        raise UserError(f"channels needs grey or RGB images, but x_train has {x.shape[3]} channels")
    return x if channels is None else to_channels(x, channels)


def _values_note(x: np.ndarray) -> str:
    shape, low, high = "x".join(map(str, x.shape[1:])), x.min(), x.max()
    if x.dtype == np.uint8:
        return f"arrays of {shape}, bytes from {low} to {high}: networks read them as value / 255"
    note = f"arrays of {shape}, numbers from {low:.6g} to {high:.6g}: networks read them as they are"
    if low >= 0 and high > 16 and high <= 255 and (x == np.floor(x)).all():
        note += "; if they are pixels, save them as uint8 and networks read value / 255"
    return note
