"""Pictures of different sizes with things in them: at one size, cut at random for training, and whole."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from compress.datasets.images import UNREADABLE, cut_out, decoded, fitting, padded, resize
from compress.errors import UserError
from compress.targets import Boxes, Parts, Points

Things = type[Points] | type[Boxes]
"""What is in pictures: places, or boxes."""

MULTIPLE = 16
"""Whole pictures get sides that networks can halve four times."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """``images``: uint8 (height, width, channels) each, or files that are decoded when read; ``sizes``: int64 (n, 2),
    their heights and widths; ``things``: float32 (k, columns) each, as targets of their ``kind`` have them, in the
    picture's own pixels; ``brightest``: the largest value of all pixels."""

    images: Sequence[np.ndarray | Path]
    sizes: np.ndarray
    things: Sequence[np.ndarray]
    channels: int
    brightest: int = 255
    kind: Things = Points

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> np.ndarray:
        """A picture's pixels; raises UserError when a file has become unreadable."""
        image = self.images[index]
        if isinstance(image, np.ndarray):
            return image
        try:
            return decoded(image, self.channels)
        except UNREADABLE as error:
            raise UserError(f"{image}: the image could be read before and cannot be read now ({error})") from error

    def take(self, rows: np.ndarray) -> "Pictures":
        """Those of ``rows``, in that order."""
        images, things = ([each[row] for row in rows] for each in (self.images, self.things))
        return replace(self, images=images, sizes=self.sizes[rows], things=things)

    def digest(self) -> str:
        """The sha256 of pixels, or of the files' bytes, and of the things."""
        sha = hashlib.sha256(f"{self.channels}{self.sizes.tolist()}".encode())
        for image, things in zip(self.images, self.things, strict=True):
            sha.update(image.tobytes() if isinstance(image, np.ndarray) else image.read_bytes())
            sha.update(things.astype("<f4").tobytes())
        return sha.hexdigest()


@dataclass(frozen=True, eq=False)
class FittedSplit:
    """Pictures at one ``size``, (height, width): what is larger is made smaller, its aspect ratio kept, and black is
    put below and to the right of what is smaller then. Every thing stays."""

    pictures: Pictures
    size: tuple[int, int]

    @property
    def shape(self) -> tuple[int, ...]:
        """See ``Split``."""
        return (*self.size, self.pictures.channels)

    def __len__(self) -> int:
        return len(self.pictures)

    @cached_property
    def targets(self) -> Points | Boxes:
        """The things where they are in the pictures of that size."""
        kind, sizes = self.pictures.kind, [(int(height), int(width)) for height, width in self.pictures.sizes]
        pairs = zip(self.pictures.things, sizes, strict=True)
        return kind.of([kind.resized(things, size, fitting(size, self.size)) for things, size in pairs], self.size)

    def read(self, indices: np.ndarray, parts: Parts | None = None) -> np.ndarray:
        """See ``Split.read``."""
        rows = [padded(self.pictures[int(index)], self.size) for index in np.asarray(indices, np.int64)]
        images = np.stack(rows) if rows else np.empty((0, *self.shape), np.uint8)
        return images if parts is None else cut_out(images, parts.corners, self.size)

    def digest(self) -> str:
        """See ``Split``."""
        return f"{self.pictures.digest()}{self.size}"


@dataclass(frozen=True, eq=False)
class Crops:
    """Parts of ``size``, (height, width), cut at random out of pictures that are resized first, each by a factor drawn
    between the two ``scales``; ``fitted``: they are made to fit into a part before that. A picture that is smaller than
    a part gets black below and to the right."""

    pictures: Pictures
    size: tuple[int, int]
    scales: tuple[float, float] = (1.0, 1.0)
    fitted: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example, without the batch."""
        return (*self.size, self.pictures.channels)

    def draw(self, indices: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, Points | Boxes]:
        """One part of each of these pictures, uint8 (n, *shape), and the things that lie in it."""
        parts = [self._part(int(index), rng) for index in indices]
        most = max(1, *map(len, self.pictures.things))
        targets = self.pictures.kind.of([things for _, things in parts], self.size, most)
        return np.stack([image for image, _ in parts]), targets

    def _part(self, index: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        scale, down, right = float(rng.uniform(*self.scales)), *rng.random(2)
        image, things, kind = self.pictures[index], self.pictures.things[index], self.pictures.kind
        size = (image.shape[0], image.shape[1])
        whole = fitting(size, self.size) if self.fitted else size
        height, width = (max(1, round(side * scale)) for side in whole)
        image, things = resize(image[None], (height, width))[0], kind.resized(things, size, (height, width))
        top, left = round(down * max(0, height - self.size[0])), round(right * max(0, width - self.size[1]))
        part = image[top : top + self.size[0], left : left + self.size[1]]
        return padded(part, self.size), kind.cut(things, top, left, (part.shape[0], part.shape[1]))


def whole(pictures: Pictures, multiple: int = MULTIPLE) -> Iterator[tuple[np.ndarray, int]]:
    """(a picture at its own size, uint8 with black below and to the right up to multiples; how many things it has)."""
    for index in range(len(pictures)):
        image = pictures[index]
        sides = tuple(-(-side // multiple) * multiple for side in image.shape[:2])
        yield padded(image, sides), len(pictures.things[index])
