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
    TEST_FRACTION,
    TEST_SEED,
    VALIDATION_FRACTION,
    VALIDATION_SEED,
    DatasetConfig,
    checked_size,
    located,
)
from compress.datasets.images import Size, to_channels
from compress.datasets.splits import ArraySplit, Dataset, hold_out
from compress.errors import UserError, first_line

Pair = tuple[np.ndarray, np.ndarray]
"""Examples and their labels."""

# what follows "x_" and "y_" in the name of an array, in capitals or not
PARTS = {"train": ("train",), "validation": ("validation", "val", "valid"), "test": ("test",)}
HOW = "save it by np.savez(path, x_train=..., y_train=..., x_test=..., y_test=...)"


@config
class Arrays(DatasetConfig):
    """``path`` is an .npz with x_train, y_train, x_test, y_test and optionally x_val, y_val, or a folder of such .npy.

    x is (n, ...), of any shape. uint8 are pixels or other bytes, which networks read as value / 255; all other numbers
    become float32 and are read as they are. uint8 (n, h, w) are grey images. y is whole numbers (n,) from 0, one-hot
    (n, classes), or words. ``classes`` names them. Without test or validation, those are held out as in a folder of
    images.

    ``size`` and ``channels`` are for uint8 images, which stay as they are where nothing is given. ``path`` is absolute,
    or relative to the current folder or, if there is no such thing, to the data folder.
    """

    HAS_OWN_SHAPE: ClassVar[bool] = True
    name: Literal["arrays"] = "arrays"
    path: str
    size: Annotated[Size | None, PlainValidator(lambda value: None if value is None else checked_size(value))] = None  # type: ignore[assignment]
    channels: Literal[1, 3] | None = None  # type: ignore[assignment]
    classes: tuple[str, ...] | None = None

    @classmethod
    def is_at(cls, path: Path) -> bool:
        """See ``DatasetConfig.is_at``: any file, and a folder of .npy files without train/."""
        return path.is_file() or (path.is_dir() and not (path / "train").is_dir() and any(path.glob("*.npy")))

    def load(self, data_dir: Path | None = None, skip_bad_images: bool = False) -> Dataset:
        """See ``DatasetConfig.load``. Raises UserError naming the array that is missing or not what it should be."""
        found = read(located(self.path, data_dir, "file or folder", Path.exists))
        return in_memory(
            found["train"],
            test=found.get("test"),
            validation=found.get("validation"),
            classes=self.classes,
            size=self.size,
            channels=self.channels,
        )


def in_memory(
    train: Pair,
    test: Pair | None = None,
    validation: Pair | None = None,
    classes: Sequence[str] | None = None,
    size: Size | None = None,
    channels: int | None = None,
) -> Dataset:
    """The data set of arrays (x, y), as ``Arrays`` describes them; the caller's arrays are never written to.

    Raises UserError, in one line, for whatever cannot be trained on.
    """
    given = {"train": train, "validation": validation, "test": test}
    examples = {part: _array(f"x_{part}", pair[0]) for part, pair in given.items() if pair is not None}
    labels = {part: _array(f"y_{part}", pair[1]) for part, pair in given.items() if pair is not None}
    if all(_are_words(y) for y in labels.values()):
        labels, classes = _numbered(labels, classes)
    pairs = {part: _checked(part, x, labels[part]) for part, x in examples.items()}
    _check_alike({part: x for part, (x, _) in pairs.items()})
    names = _class_names({part: y for part, (_, y) in pairs.items()}, classes, _one_hot_width(labels["train"]))
    notes = [_values_note(pairs["train"][0])]
    for part, fraction, seed in (
        ("test", TEST_FRACTION, TEST_SEED),
        ("validation", VALIDATION_FRACTION, VALIDATION_SEED),
    ):
        if part not in pairs:
            x, y = pairs["train"]
            kept, held = hold_out(y, fraction, seed, names)
            pairs["train"], pairs[part] = (x[kept], y[kept]), (x[held], y[held])
            notes.append(f"no x_{part}: a seeded {fraction:.0%} split of x_train ({len(held)} examples)")
    if size is not None or channels is not None:
        pairs = {part: (_images(x, channels), y) for part, (x, y) in pairs.items()}
    splits = {part: ArraySplit(x, y, size) for part, (x, y) in pairs.items()}
    for part, split in splits.items():
        if split.shape != splits["train"].shape:
            raise UserError(
                f"x_{part} has examples of shape {split.shape}, x_train of {splits['train'].shape}"
                + (": give a size" if len(split.shape) == 3 and split.images.dtype == np.uint8 else "")
            )
    return Dataset.of("arrays", names, splits["train"], splits["validation"], splits["test"], notes)


def read(path: Path) -> dict[str, Pair]:
    """Part ("train", "validation", "test") -> its arrays; "train" is always there, pickled objects are never loaded."""
    try:
        files = _in_folder(path) if path.is_dir() else _in_archive(path)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        reason = "it holds Python objects" if "allow_pickle" in str(error) else first_line(error)
        raise UserError(f"{path} cannot be read as arrays of numbers ({reason}); {HOW}") from error
    found: dict[str, Pair] = {}
    for part, spellings in PARTS.items():
        spelt = [spelling for spelling in spellings if {f"x_{spelling}", f"y_{spelling}"} & files.keys()]
        if len(spelt) > 1:
            raise UserError(f"{path} has both x_{spelt[0]} and x_{spelt[1]}: which is the {part} split?")
        if not spelt and part != "train":
            continue
        wanted = [f"{letter}_{(spelt or spellings)[0]}" for letter in "xy"]
        if missing := [name for name in wanted if name not in files]:
            there = ", ".join(sorted(files)) or "nothing"
            raise UserError(f"{path} has no {' and no '.join(missing)} (it has {there}); {HOW}")
        found[part] = (files[wanted[0]], files[wanted[1]])
    return found


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


def _checked(part: str, x: np.ndarray, y: np.ndarray) -> Pair:
    """The examples, uint8 or float32 (n, ...), and their labels, int64 (n,)."""
    examples = _examples(f"x_{part}", x)
    if y.ndim == 0 or len(examples) != len(y):
        count = len(y) if y.ndim else "no"
        raise UserError(f"x_{part} has {len(examples)} examples, y_{part} {count} labels")
    return examples, _labels(f"y_{part}", y)


def _array(name: str, values: Any) -> np.ndarray:
    try:
        return np.asarray(values)
    except ValueError as error:  # a list of lists of several lengths
        raise UserError(f"{name} is no array: {first_line(error)}") from error


def _examples(name: str, x: np.ndarray) -> np.ndarray:
    if x.dtype.kind not in "fiub":
        kind = "Python objects" if x.dtype.kind == "O" else x.dtype.name
        raise UserError(f"{name} holds {kind}, not numbers (if its rows differ in length, pad them to one)")
    if x.ndim < 2:
        raise UserError(f"{name} is of shape {x.shape}: expected (n, ...), a row an example")
    if x.size == 0:
        raise UserError(f"{name} is empty, of shape {x.shape}")
    if x.dtype == np.uint8:
        if x.ndim == 4 and x.shape[1] in (1, 3) and x.shape[3] > 4:
            raise UserError(
                f"{name} is of shape {x.shape}, as if channels came first: give {name}.transpose(0, 2, 3, 1)"
            )
        return x[..., None] if x.ndim == 3 else x
    with np.errstate(over="ignore"):
        values = x.astype(np.float32, copy=False)
    if not np.isfinite(values).all():
        bad = int(np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(axis=1))[0])
        raise UserError(f"{name} has values that are no finite numbers (NaN or infinity), first in example {bad}")
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
            raise UserError(f"y_{part} has a class {min(unknown)!r}, which {known} has not")
    return {
        part: np.array([places[str(word)] for word in words.flat], np.int64).reshape(words.shape)
        for part, words in labels.items()
    }, names


def _labels(name: str, y: np.ndarray) -> np.ndarray:
    if y.dtype.kind not in "fiub":
        raise UserError(f"{name} holds {y.dtype.name}, not whole numbers; name classes by classes = [...]")
    if _one_hot_width(y):
        if not (np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all()):
            raise UserError(f"{name} is of shape {y.shape} and not one-hot: only one class an example is there yet")
        return y.argmax(axis=1).astype(np.int64)
    if y.ndim > 2 or (y.ndim == 2 and y.shape[1] != 1):
        raise UserError(f"{name} is of shape {y.shape}: expected (n,) or one-hot (n, classes)")
    flat = y.reshape(-1)
    if not np.isfinite(flat).all() or (flat != np.floor(flat)).any():
        raise UserError(f"{name} holds numbers that are not whole: only classification is there yet, no regression")
    if flat.min() < 0:
        raise UserError(f"{name} has negative labels, from {flat.min():g}: classes are numbered from 0")
    return flat.astype(np.int64)


def _one_hot_width(y: np.ndarray) -> int:
    """The number of columns of labels that can only be one-hot; else 0."""
    shape = np.shape(y)
    return shape[1] if len(shape) == 2 and shape[1] > 1 else 0


def _check_alike(examples: Mapping[str, np.ndarray]) -> None:
    first = examples["train"]
    for part, x in examples.items():
        if x.dtype != first.dtype:
            raise UserError(f"x_train is {first.dtype} and x_{part} {x.dtype}: give both the same (bytes mean / 255)")
        if x.ndim != first.ndim:
            raise UserError(f"x_{part} has examples of shape {x.shape[1:]}, x_train of {first.shape[1:]}")


def _class_names(labels: Mapping[str, np.ndarray], given: Sequence[str] | None, width: int) -> tuple[str, ...]:
    """Of every class, numbers where none are ``given``; ``width`` is that of one-hot labels, 0 for others."""
    for part, one in labels.items():
        if given is not None and one.max() >= len(given):
            raise UserError(f"y_{part} has the label {one.max()}, classes names {len(given)}: 0 to {len(given) - 1}")
    if given is not None and len(set(given)) != len(given):
        raise UserError("classes names one class twice")
    present = set(np.unique(labels["train"]).tolist())
    if len(present) < 2:
        alone = min(present) if given is None else given[min(present)]
        raise UserError(f"y_train has one class alone, {alone}: there is nothing to tell apart")
    if given is not None:
        return tuple(given)
    count = max(width, *(int(one.max()) + 1 for one in labels.values()))
    if absent := [label for label in range(min(count, 10**6)) if label not in present]:
        more = f" and of {len(absent) - 1} more" if len(absent) > 1 else ""
        raise UserError(
            f"y_train has labels up to {count - 1} and no example of class {absent[0]}{more}: "
            "number the classes from 0 without a gap, or name all by classes = [...]"
        )
    return tuple(str(number) for number in range(count))


def _images(x: np.ndarray, channels: int | None) -> np.ndarray:
    if x.dtype != np.uint8 or x.ndim != 4:
        raise UserError(f"size and channels are for uint8 images (n, h, w, c); x_train is {x.dtype} {x.shape}")
    if channels is not None and x.shape[3] not in (1, 3):
        raise UserError(f"channels is for grey and RGB images; x_train has {x.shape[3]} channels")
    return x if channels is None else to_channels(x, channels)


def _values_note(x: np.ndarray) -> str:
    shape, low, high = "x".join(map(str, x.shape[1:])), x.min(), x.max()
    if x.dtype == np.uint8:
        return f"arrays of {shape}, bytes from {low} to {high}: networks read them as value / 255"
    note = f"arrays of {shape}, numbers from {low:.6g} to {high:.6g}: networks read them as they are"
    if low >= 0 and high > 16 and high <= 255 and (x == np.floor(x)).all():
        note += "; if they are pixels, save them as uint8 and networks read value / 255"
    return note
