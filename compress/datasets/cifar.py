"""CIFAR-10 and CIFAR-100 (Krizhevsky, 2009) from the official "python version", packed or unpacked."""

import lzma
import os
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from compress.config import Count, config
from compress.datasets.base import SUBSET_SEED, VALIDATION_FRACTION, VALIDATION_SEED, DatasetConfig
from compress.datasets.images import to_channels
from compress.datasets.plain_pickle import load_plain
from compress.datasets.splits import ArraySplit, Dataset, hold_out, stratified_subset
from compress.errors import UserError
from compress.targets import ClassIndices, Targets

_DAMAGED = (tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError)


@dataclass(frozen=True)
class Archive:
    """What an official archive is called and what lies in it."""

    folder: str
    stem: str
    sha256: str
    train: tuple[str, ...]
    test: str
    meta: str
    labels_key: bytes
    classes_key: bytes
    class_count: int

    @property
    def members(self) -> frozenset[str]:
        return frozenset((*self.train, self.test, self.meta))

    @property
    def url(self) -> str:
        return f"https://www.cs.toronto.edu/~kriz/{self.stem}.tar.gz"


CIFAR10 = Archive(
    folder="cifar-10-batches-py",
    stem="cifar-10-python",
    sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    train=tuple(f"data_batch_{number}" for number in range(1, 6)),
    test="test_batch",
    meta="batches.meta",
    labels_key=b"labels",
    classes_key=b"label_names",
    class_count=10,
)
CIFAR100 = Archive(
    folder="cifar-100-python",
    stem="cifar-100-python",
    sha256="85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
    train=("train",),
    test="test",
    meta="meta",
    labels_key=b"fine_labels",
    classes_key=b"fine_label_names",
    class_count=100,
)


@config
class Cifar(DatasetConfig):
    """What CIFAR-10 and CIFAR-100 share.

    A stratified 10 % of the training images is held out for validation. ``train_images`` and ``test_images`` take a
    seeded, stratified subset for quick experiments; validation shrinks in proportion to training, and no validation
    image of the whole data set is ever trained on.
    """

    archive: ClassVar[Archive]
    name: str
    train_images: Count | None = None
    """Number of training images in a subset drawn by the seed, with the same share of each class. Default: all."""
    test_images: Count | None = None
    """Number of test images in a subset drawn in the same way. Default: all."""

    def load(self, data_dir: Path | None = None, skip_bad_images: bool = False) -> Dataset:
        """See ``DatasetConfig.load``. Looks in ``data_dir`` and ``data_dir``/name for the unpacked folder (or its
        contents) or the archive, then in tf_keras's cache, and else downloads into that cache.
        """
        source = find(self.archive, self.name, data_dir)
        classes, (images, labels), (test_images, test_labels) = read_archive(source, self.archive)
        targets, test_targets = ClassIndices(labels), ClassIndices(test_labels)

        kept, held = hold_out(targets, VALIDATION_FRACTION, VALIDATION_SEED, classes)
        train = _subset(targets, kept, self.train_images, "train_images")
        held_count = max(round(len(held) * len(train) / len(kept)), 1)
        validation = _subset(targets, held, held_count, "")
        test = _subset(test_targets, np.arange(len(test_targets)), self.test_images, "test_images")
        return Dataset.of(
            self.name,
            classes,
            ArraySplit(to_channels(images[train], self.channels), targets.take(train), self.size),
            ArraySplit(to_channels(images[validation], self.channels), targets.take(validation), self.size),
            ArraySplit(to_channels(test_images[test], self.channels), test_targets.take(test), self.size),
        )


@config
class Cifar10(Cifar):
    """45,000 training, 5,000 validation and 10,000 test images of 32x32 in 10 classes."""

    archive: ClassVar[Archive] = CIFAR10
    name: Literal["cifar10"] = "cifar10"


@config
class Cifar100(Cifar):
    """45,000 training, 5,000 validation and 10,000 test images of 32x32 in 100 (fine) classes."""

    archive: ClassVar[Archive] = CIFAR100
    name: Literal["cifar100"] = "cifar100"


def find(archive: Archive, name: str, data_dir: Path | None) -> Path:
    """Where the data set lies: a folder of batches or an archive; downloads it when it lies nowhere."""
    if data_dir is not None and not data_dir.exists():
        raise UserError(f"the data folder {data_dir} does not exist")
    cache = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "datasets"
    places = ([] if data_dir is None else [data_dir, data_dir / name]) + [cache]
    for place in places:
        if (source := _source_in(place, archive)) is not None:
            return source
    return _download(archive, name, cache, data_dir)


def read_archive(
    source: Path, archive: Archive
) -> tuple[tuple[str, ...], tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Read class names, training and test (images uint8 (n, 32, 32, 3), labels int64 (n,)) from a folder or an archive.

    Nothing is unpacked to disk and no pickled code is run.
    Raises UserError naming the file that is damaged, missing or not what it should be.
    """
    # Each batch is taken apart as it comes, so that only one is in memory twice.
    classes: tuple[str, ...] = ()
    batches = {}
    for member, content in _contents(source, archive.members):
        where = f"{source}: {member}" if source.is_file() else str(source / member)
        pickled = load_plain(content, where)
        if member == archive.meta:
            classes = _classes(pickled, archive, where)
        else:
            batches[member] = _batch(pickled, archive, where)
    members_read = batches.keys() | ({archive.meta} if classes else set())
    if missing := sorted(archive.members - members_read):
        raise UserError(f"{source}: {', '.join(missing)} is missing; the file may be truncated")

    train = [batches[member] for member in archive.train]
    images = np.concatenate([batch_images for batch_images, _ in train])
    labels = np.concatenate([batch_labels for _, batch_labels in train])
    return classes, (images, labels), batches[archive.test]


def _source_in(place: Path, archive: Archive) -> Path | None:
    if place.is_file():
        return place
    for folder in (place, place / archive.folder):
        # A folder of the official name is taken even if files are missing: reading it says which.
        official = folder.name == archive.folder and folder.is_dir()
        # Two names, since a file called "meta" alone may be anybody's.
        if official or all((folder / member).is_file() for member in (archive.meta, archive.test)):
            return folder
    if not place.is_dir():
        return None
    files = sorted(path for path in place.iterdir() if path.is_file() and not path.name.startswith("."))
    named = [path for path in files if path.name.startswith((f"{archive.stem}.t", f"{archive.folder}.t"))]
    return next((path for path in named or files if path in named or _opens_with(path, archive)), None)


def _opens_with(path: Path, archive: Archive) -> bool:
    """Whether a file of any name is an archive whose first entries are this data set's folder."""
    try:
        with tarfile.open(path) as opened:
            first = opened.next()
    except _DAMAGED:
        return False
    return first is not None and archive.folder in Path(first.name).parts


def _download(archive: Archive, name: str, cache: Path, data_dir: Path | None) -> Path:
    from compress import keras

    target = cache / f"{archive.folder}.tar.gz"
    try:
        # get_file quietly goes to /tmp when its folder is not there yet
        cache.mkdir(parents=True, exist_ok=True)
        path = keras.utils.get_file(
            target.name,
            archive.url,
            file_hash=archive.sha256,
            cache_dir=str(cache.parent),
            cache_subdir=cache.name,
        )
    # get_file raises bare Exception when the download fails
    except Exception as error:
        target.unlink(missing_ok=True)  # what failed its hash must not be found next time
        reason = " ".join(str(error).split())
        searched = f"{cache}" if data_dir is None else f"{data_dir} or {cache}"
        raise UserError(
            f"{name} is not in {searched} and cannot be downloaded ({reason}); "
            f"put {archive.stem}.tar.gz into a folder and name that folder in JETSLIM_DATA"
        ) from error
    return Path(path)


def _contents(source: Path, members: frozenset[str]) -> Iterator[tuple[str, bytes]]:
    """Each member's name and bytes, in the order in which they lie there."""
    try:
        yield from _files_in(source, members) if source.is_dir() else _members_of(source, members)
    except _DAMAGED as error:
        raise UserError(f"{source}: the file is damaged or truncated ({error})") from error


def _files_in(folder: Path, members: frozenset[str]) -> Iterator[tuple[str, bytes]]:
    for member in sorted(members):
        if (folder / member).is_file():
            yield member, (folder / member).read_bytes()


def _members_of(path: Path, members: frozenset[str]) -> Iterator[tuple[str, bytes]]:
    wanted = set(members)
    with tarfile.open(path) as opened:
        for entry in opened:
            member = Path(entry.name).name
            file = opened.extractfile(entry) if member in wanted and entry.isreg() else None
            if file is not None:
                wanted.remove(member)
                yield member, file.read()
            if not wanted:
                return


def _classes(meta: Any, archive: Archive, where: str) -> tuple[str, ...]:
    names = meta.get(archive.classes_key) if isinstance(meta, dict) else None
    if not isinstance(names, list) or len(names) != archive.class_count:
        raise UserError(f"{where}: expected {archive.class_count} names under {archive.classes_key.decode()}")
    return tuple(name.decode() if isinstance(name, bytes) else str(name) for name in names)


def _batch(batch: Any, archive: Archive, where: str) -> tuple[np.ndarray, np.ndarray]:
    data, labels = (batch.get(b"data"), batch.get(archive.labels_key)) if isinstance(batch, dict) else (None, None)
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 2 or data.shape[1] != 3072:
        got = f"{data.dtype} {data.shape}" if isinstance(data, np.ndarray) else type(data).__name__
        raise UserError(f"{where}: the data must be uint8 (n, 3072), but they are {got}")
    try:
        label_array = np.asarray(labels)
    except ValueError:
        label_array = np.empty(0, object)  # a ragged list
    if label_array.shape != (len(data),) or label_array.dtype.kind not in "iu" or len(data) == 0:
        raise UserError(f"{where}: {archive.labels_key.decode()} must be {len(data)} whole numbers, one per image")
    if label_array.min() < 0 or label_array.max() >= archive.class_count:
        raise UserError(f"{where}: labels must be from 0 to {archive.class_count - 1}")
    # Planes of red, green, blue, each row by row.
    images = np.ascontiguousarray(data.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
    return images, label_array.astype(np.int64)


def _subset(targets: Targets, indices: np.ndarray, count: int | None, field: str) -> np.ndarray:
    if count is None:
        return indices
    if count > len(indices):
        raise UserError(f"[data] {field} = {count}, but there are only {len(indices)}")
    subset: np.ndarray = indices[stratified_subset(targets.take(indices), count, SUBSET_SEED)]
    return subset
