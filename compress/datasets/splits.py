"""What a data set is: three splits of examples and targets, and how splits are drawn."""

import hashlib
import json
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np

from compress.datasets.images import UNREADABLE, Fit, Size, cut_out, decode, resize, sides
from compress.datasets.pictures import Crops, Pictures
from compress.errors import UserError
from compress.targets import ClassIndices, Parts, Targets

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
THREADS = min(8, CORES)


class Split(Protocol):
    """Images, or other arrays of one shape, and their targets; examples are read a batch at a time.

    ``shape`` is that of one example, without the batch.
    """

    @property
    def targets(self) -> Any: ...

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __len__(self) -> int: ...

    def read(self, indices: np.ndarray, parts: Parts | None = None) -> np.ndarray:
        """The examples at ``indices``, in that order, (len(indices), *shape).

        uint8 for images: NHWC, RGB where there are 3 channels, 0 to 255. float32 for values that are no bytes.
        With ``parts``, images alone: a part of each takes its place, resized to the same shape. Reads one after the
        other; may be called by several threads at once (``read_batches``).
        """
        ...


class StoredSplit(Split, Protocol):
    """A split that tells what it consists of."""

    def digest(self) -> str:
        """What tells its examples and targets from others."""
        ...


@dataclass(frozen=True, eq=False)
class ArraySplit:
    """Arrays in memory: uint8 (n, h, w, c), resized bilinearly when read if they are not of ``size``; or, with None for
    ``size``, uint8 or float32 (n, ...) as they are. An array of ``targets`` is taken for class indices.
    """

    images: np.ndarray
    targets: Any
    size: Size | None = None

    def __post_init__(self) -> None:
        kind = f"{self.images.dtype} {self.images.shape}"
        if self.size is not None and (self.images.dtype != np.uint8 or self.images.ndim != 4):
            raise ValueError(f"images must be uint8 (n, h, w, c) to have a size, not {kind}")
        if self.images.dtype not in (np.uint8, np.float32) or self.images.ndim < 2:
            raise ValueError(f"arrays must be uint8 or float32 (n, ...), not {kind}")
        object.__setattr__(self, "targets", _checked_targets(self.targets, len(self.images)))

    @property
    def shape(self) -> tuple[int, ...]:
        """See ``Split``."""
        stored = self.images.shape[1:]
        return stored if self.size is None else (*sides(self.size), stored[2])

    def __len__(self) -> int:
        return len(self.targets)

    def read(self, indices: np.ndarray, parts: Parts | None = None) -> np.ndarray:
        """See ``Split.read``."""
        chosen = self.images[np.asarray(indices, np.int64)]
        if parts is not None:
            return cut_out(chosen, parts.corners, self.shape[:2])
        return chosen if self.size is None else resize(chosen, self.size)

    def digest(self) -> str:
        """The sha256 of the values as stored, and the targets."""
        kind = "" if self.images.dtype == np.uint8 else self.images.dtype.name
        sha = hashlib.sha256(f"{self.images.shape}{kind}".encode())
        sha.update(np.ascontiguousarray(self.images).data)
        sha.update(self.targets.digest())
        return sha.hexdigest()


@dataclass(frozen=True, eq=False)
class FileSplit:
    """Image files, decoded when read (see ``images.decode``): for folders that do not fit into memory."""

    paths: Sequence[Path]
    targets: Any
    size: Size
    fit: Fit = "stretch"
    channels: int = 3

    def __post_init__(self) -> None:
        object.__setattr__(self, "targets", _checked_targets(self.targets, len(self.paths)))

    @property
    def shape(self) -> tuple[int, ...]:
        """See ``Split``."""
        return (*sides(self.size), self.channels)

    def __len__(self) -> int:
        return len(self.targets)

    def read(self, indices: np.ndarray, parts: Parts | None = None) -> np.ndarray:
        """See ``Split.read``: parts are cut out of the files' own pixels. Raises UserError when a file has become
        unreadable."""
        images = np.empty((len(indices), *self.shape), np.uint8)
        corners = [None] * len(indices) if parts is None else parts.corners
        for row, (index, part) in enumerate(zip(indices, corners, strict=True)):
            images[row] = self._decode(self.paths[index], part)
        return images

    def digest(self) -> str:
        """The sha256 of the files' bytes, in order, the way they are fitted, and the targets."""
        sha = hashlib.sha256(f"{self.fit}{'' if self.channels == 3 else self.channels}".encode())
        with ThreadPoolExecutor(THREADS) as pool:
            for file_digest in pool.map(_file_digest, self.paths):
                sha.update(file_digest)
        sha.update(self.targets.digest())
        return sha.hexdigest()

    def _decode(self, path: Path, part: np.ndarray | None) -> np.ndarray:
        try:
            return decode(path, self.size, self.fit, self.channels, part)
        except UNREADABLE as error:
            raise UserError(f"{path}: the image could be read before and cannot be read now ({error})") from error


@dataclass(frozen=True, eq=False)
class Dataset:
    """Three splits without a common image, the names of what is predicted, and a fingerprint of it all.

    ``label_names`` are those of the classes, or of the numbers: what labels.txt says. ``task`` is the name of the task
    that such targets are for, unless a pipeline names another. ``fingerprint`` is a sha256 over values (or file bytes),
    targets, names, shape and who is in which split: equal fingerprints mean equal training. ``notes`` are lines for the
    user: what was split, converted, left out. ``faults`` are those of them that tell what is not used as it was given,
    which is to be known by whoever measures a model, too. ``crops``: training takes parts of its images, drawn anew in
    every epoch; ``whole_test``: the test images at their own sizes, where these are others than what networks get.
    """

    name: str
    label_names: tuple[str, ...]
    train: Split
    validation: Split
    test: Split
    fingerprint: str
    notes: tuple[str, ...] = ()
    task: str = "classification"
    crops: Crops | None = None
    whole_test: Pictures | None = None
    faults: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        name: str,
        label_names: Sequence[str],
        train: StoredSplit,
        validation: StoredSplit,
        test: StoredSplit,
        notes: Sequence[str] = (),
        task: str = "classification",
        crops: Crops | None = None,
        whole_test: Pictures | None = None,
        faults: Sequence[str] = (),
    ) -> Self:
        """Put splits together and fingerprint them; ``faults`` come behind the other ``notes``."""
        header: list[Any] = [
            list(label_names),
            _size(train.shape),
            *(split.digest() for split in (train, validation, test)),
        ]
        if crops is not None:
            header += [list(crops.size), list(crops.scales)]
        fingerprint = hashlib.sha256(json.dumps(header).encode()).hexdigest()
        lines, faults = (*notes, *faults), tuple(faults)
        return cls(
            name, tuple(label_names), train, validation, test, fingerprint, lines, task, crops, whole_test, faults
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example, without the batch: (height, width, channels) for images."""
        return self.train.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8 for images and other bytes, which networks read as value / 255; float32 for what they read as it is."""
        return self.train.read(np.arange(0)).dtype


def read_batches(split: Split, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The examples of each of ``batches`` of indices, in order, read by several threads; THREADS batches at most wait
    in memory."""
    with ThreadPoolExecutor(THREADS) as pool:
        waiting = deque[Future[np.ndarray]]()
        for indices in batches:
            waiting.append(pool.submit(split.read, indices))
            if len(waiting) > THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def hold_out(
    targets: Targets, fraction: float, seed: int, label_names: Sequence[str] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a part of the images, stratified where targets have strata: indices (kept, held), int64, sorted, disjoint.

    Holds round(fraction * n) images, but no fewer than there are strata; the same seed holds the same ones.
    Raises UserError when a class has fewer than 2 images; ``label_names`` gives the name to say.
    """
    from sklearn.model_selection import train_test_split

    count, strata = len(targets), targets.strata()
    if count == 0:
        raise UserError("there are no images, so none can be held out for a split")
    if strata is None and count < 2:
        raise UserError("there is only 1 image; holding images out for a split needs at least 2")
    least = 1
    if strata is not None:
        present, counts = np.unique(strata, return_counts=True)
        least = len(present)
        if counts.min() < 2:
            rare = present[counts.argmin()]
            name = label_names[rare] if len(label_names) else rare
            raise UserError(
                f"class {name!s} has only 1 image left; holding images out for a split needs at least 2 of every class"
            )
    held_count = max(round(fraction * count), least)
    kept, held = train_test_split(np.arange(count), test_size=held_count, random_state=seed, stratify=strata)
    return np.sort(kept), np.sort(held)


def stratified_subset(targets: Targets, count: int, seed: int) -> np.ndarray:
    """Draw ``count`` images with every stratum in proportion: indices, int64, sorted.

    Nested: with the same seed, a smaller subset lies within a larger one. ``count`` is at most len(targets).
    """
    shuffled = np.random.default_rng(seed).permutation(len(targets))
    strata = targets.strata()
    if strata is None:
        return np.sort(shuffled[:count])
    # The k-th image of a class of c stands at (k + 1/2) / c: whoever stands before a line is in proportion.
    position = np.empty(len(targets))
    for stratum in np.unique(strata):
        members = shuffled[strata[shuffled] == stratum]
        position[members] = (np.arange(len(members)) + 0.5) / len(members)
    by_position = shuffled[np.argsort(position[shuffled], kind="stable")]
    return np.sort(by_position[:count])


def _size(shape: tuple[int, ...]) -> int | list[int]:
    """The side of square images; else the whole shape."""
    return shape[0] if len(shape) == 3 and shape[0] == shape[1] else list(shape)


def _checked_targets(targets: Any, count: int) -> Targets:
    if len(targets) != count:
        raise ValueError(f"{count} images but {len(targets)} targets")
    return targets if isinstance(targets, Targets) else ClassIndices(np.asarray(targets))


def _file_digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
