"""What training does to its images, drawn anew in each epoch: the table ``augmentation`` of [data].

What has settings of its own is a ``Step`` in a file of its own; a new one is one such file, and one field of
``Augmentation``. Everything is drawn from the generator that is given, so that a batch follows from its seed.
"""

from dataclasses import fields
from typing import Annotated

import numpy as np
from pydantic import Field

from compress.config import InOrder, config
from compress.datasets import motion_blur
from compress.datasets.augment_step import Step
from compress.datasets.cutout import Cutout
from compress.datasets.mixup import Mixup
from compress.datasets.rand_augment import RandAugment
from compress.datasets.resized_crop import ResizedCrop
from compress.datasets.splits import Dataset
from compress.errors import UserError
from compress.targets import Geometry, Targets

BlurLength = Annotated[float, Field(ge=0, le=motion_blur.LONGEST)]
BlurLengths = Annotated[tuple[BlurLength, BlurLength], InOrder]


@config
class Augmentation:
    """Random changes of training images, in this order: a random crop resized to the whole image (``resized_crop``);
    padding with ``crop_padding`` pixels of black, and a random crop of the original size; mirroring with probability
    1/2 (``flip``); brightness, contrast and saturation (``colour``); motion blur (``blur``); RandAugment; Cutout;
    mixup. By default nothing is changed.

    Boxes and points move with the image; classes and numbers stay as they are. Whether they stay true is for you to
    say: a mirrored face keeps its age, a mirrored scan does not keep its angle, nor a mirrored road sign its class."""

    crop_padding: Annotated[int, Field(ge=0)] = 0
    """Pixels of black padding on each side, after which an image of the original size is cropped at random. 0: off."""
    flip: bool = False
    """Whether each image is mirrored left to right with probability 1/2. Leave it off where this would make a class or
    number wrong, such as an angle."""
    colour: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Strength of colour changes: brightness, contrast and saturation are each multiplied by a random factor between 1
    - colour and 1 + colour. 0: off."""

    blur: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Fraction of the training images to which motion blur is added. 0: off."""
    blur_lengths: BlurLengths = (0.05, 0.15)
    """[shortest, longest] length of the motion blur, as a fraction of the image's width; drawn at random between the
    two."""
    resized_crop: ResizedCrop | None = None
    """Replaces each image by a random crop of it, resized to the original size. Default: off."""
    rand_augment: RandAugment | None = None
    """Applies a few random operations to each image (RandAugment). Default: off."""
    cutout: Cutout | None = None
    """Covers a random square of each image (Cutout). Default: off."""
    mixup: Mixup | None = None
    """Mixes pairs of examples and their classes (mixup). Default: off."""

    @property
    def steps(self) -> list[Step]:
        """Those that are asked for, in the order of the fields."""
        values = [getattr(self, field.name) for field in fields(self)]
        return [value for value in values if isinstance(value, Step)]

    @property
    def changes_images(self) -> bool:
        return self.changes_places or self.changes_pixels or bool(self.steps)

    @property
    def changes_places(self) -> bool:
        """Whether pixels move."""
        return bool(self.crop_padding) or self.flip or self.resized_crop is not None

    @property
    def changes_pixels(self) -> bool:
        """Whether light, colours or sharpness change: of images of bytes."""
        return bool(self.colour or self.blur)

    def check(self, data: Dataset) -> None:
        """Raises UserError for what cannot be done to these data, or what their targets cannot follow."""
        if self.changes_pixels and data.dtype != "uint8":
            raise UserError(f"[data] augmentation: colour and blur need uint8 images, but the data are {data.dtype}")
        if (self.changes_places or self.changes_pixels) and len(data.shape) != 3:
            shape = "x".join(map(str, data.shape))
            raise UserError(f"[data] augmentation: crops and flips need images, but the data are arrays of {shape}")
        if self.resized_crop is not None:
            self.resized_crop.check(data)
        for step in self.steps:
            step.check(data)

    def of(self, images: np.ndarray, targets: Targets, rng: np.random.Generator) -> tuple[np.ndarray, Targets]:
        """(n, ...) examples and their targets after all but ``resized_crop``, which takes place where examples are
        read; of the same shape and dtype."""
        if self.crop_padding or self.flip:
            geometry = self.draw(len(images), images.shape[1], images.shape[2], rng)
            images, targets = geometry.of_images(images), targets.moved(geometry)
        images = self.of_pixels(images, rng)
        for step in self.steps:
            images, targets = step.of(images, targets, rng)
        return images, targets

    def draw(self, count: int, height: int, width: int, rng: np.random.Generator) -> Geometry:
        """What padded crops and flips do to each of ``count`` images of height x width.

        Draws from ``rng`` the crops' tops, then their lefts, then the flips, and nothing for what is switched off.
        """
        tops = lefts = np.zeros(count, np.int64)
        mirrored = np.zeros(count, bool)
        if self.crop_padding:
            tops = rng.integers(0, 2 * self.crop_padding + 1, count)
            lefts = rng.integers(0, 2 * self.crop_padding + 1, count)
        if self.flip:
            mirrored = rng.integers(0, 2, count).astype(bool)
        return Geometry(height, width, self.crop_padding, tops, lefts, mirrored)

    def of_pixels(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """uint8 (n, height, width, channels) in another light, some of them blurred; draws from ``rng`` only what is
        asked for."""
        if self.colour:
            images = recoloured(images, *rng.uniform(1 - self.colour, 1 + self.colour, (3, len(images))))
        if self.blur:
            images = motion_blur.drawn(images, self.blur_lengths, rng, rng.random(len(images)) < self.blur)
        return images


def recoloured(images: np.ndarray, brightness: np.ndarray, contrast: np.ndarray, saturation: np.ndarray) -> np.ndarray:
    """uint8 (n, h, w, c), each multiplied by its brightness, its distance from its own mean by its contrast, and that
    of a pixel's colours from their mean by its saturation; factors (n,) each."""
    light, depth, colours = (
        factors.astype(np.float32)[:, None, None, None] for factors in (brightness, contrast, saturation)
    )
    values = images.astype(np.float32) * light
    values = (values - (mean := values.mean(axis=(1, 2, 3), keepdims=True))) * depth + mean
    values = (values - (grey := values.mean(axis=3, keepdims=True))) * colours + grey
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
