"""RandAugment: Cubuk, Zoph, Shlens and Le, "RandAugment: Practical automated data augmentation with a reduced search
space", NeurIPS 2020; its operations and their ranges are those of Cubuk, Zoph, Mane, Vasudevan and Le, "AutoAugment:
Learning Augmentation Policies from Data", CVPR 2019, which Pillow computes here as it did there."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from PIL import Image, ImageEnhance, ImageOps
from pydantic import Field

from compress.config import config
from compress.datasets.augment_step import check_images
from compress.datasets.images import MODES
from compress.datasets.splits import Dataset
from compress.errors import UserError
from compress.targets import Targets

MOST = 10
"""The magnitude at which an operation is as strong as AutoAugment has it at most."""
GREY = 128
"""What comes in at the borders where an image is moved, as in AutoAugment."""


@dataclass(frozen=True)
class Operation:
    """``of``: an image of mode RGB or L and a strength in [-1, 1] -> the image after it. ``signed``: whether a negative
    strength is another direction; else strengths are at least 0. ``moves``: whether pixels move."""

    of: Callable[[Image.Image, float], Image.Image]
    signed: bool = False
    moves: bool = False


def _affine(matrix: Callable[[float, int, int], tuple[float, ...]]) -> Operation:
    """``matrix``: strength, width and height -> a, b, c, d, e, f with which Pillow reads (a x + b y + c, d x + e y + f)
    for the pixel at (x, y)."""

    def of(image: Image.Image, strength: float) -> Image.Image:
        coefficients = matrix(strength, *image.size)
        fill = (GREY,) * len(image.getbands())
        return image.transform(image.size, Image.Transform.AFFINE, coefficients, fillcolor=fill)

    return Operation(of, signed=True, moves=True)


def _enhanced(kind: Callable[[Image.Image], ImageEnhance._Enhance]) -> Operation:
    """1 is the image as it is, 0 without any colour, contrast, light or sharpness: 0.1 to 1.9."""
    return Operation(lambda image, strength: kind(image).enhance(1 + 0.9 * strength), signed=True)


OPERATIONS: dict[str, Operation] = {
    "identity": Operation(lambda image, strength: image),
    "autocontrast": Operation(lambda image, strength: ImageOps.autocontrast(image)),
    "equalize": Operation(lambda image, strength: ImageOps.equalize(image)),
    # all values from the threshold on, and how many bits are left
    "solarize": Operation(lambda image, strength: ImageOps.solarize(image, round(256 - 256 * strength))),
    "posterize": Operation(lambda image, strength: ImageOps.posterize(image, 8 - round(4 * strength))),
    "colour": _enhanced(ImageEnhance.Color),
    "contrast": _enhanced(ImageEnhance.Contrast),
    "brightness": _enhanced(ImageEnhance.Brightness),
    "sharpness": _enhanced(ImageEnhance.Sharpness),
    "rotate": Operation(
        lambda image, strength: image.rotate(30 * strength, fillcolor=(GREY,) * len(image.getbands())),
        signed=True,
        moves=True,
    ),
    "shear_x": _affine(lambda strength, width, height: (1, 0.3 * strength, 0, 0, 1, 0)),
    "shear_y": _affine(lambda strength, width, height: (1, 0, 0, 0.3 * strength, 1, 0)),
    # 150 of 331 pixels
    "translate_x": _affine(lambda strength, width, height: (1, 0, 150 / 331 * strength * width, 0, 1, 0)),
    "translate_y": _affine(lambda strength, width, height: (1, 0, 0, 0, 1, 150 / 331 * strength * height)),
}
"""By name, in a fixed order. Adding one: a line here."""


@config
class RandAugment:
    """``operations`` random operations, drawn with replacement, are applied to each image one after the other.
    ``magnitude`` is the strength of each: 0 changes nothing (except for autocontrast and equalize, which have no
    strength), 10 is the maximum of AutoAugment; the direction of a change is drawn at random.

    The paper uses 2 operations of magnitude 9 for a ResNet-50 on ImageNet, and 3 of magnitude 5 for a WRN-28-10 on
    CIFAR-10. ``moves = false`` leaves out the operations that move pixels (rotate, shear, shift), as is necessary for
    boxes and points. Classes and numbers stay as they are: leave ``moves`` on only if they stay true of a moved image.
    """

    operations: Annotated[int, Field(ge=0)] = 2
    """Number of random operations applied to each image. 0: off."""
    magnitude: Annotated[float, Field(ge=0, le=MOST)] = 9.0
    """Strength of each operation, from 0 (no change) to 10 (the strongest)."""
    moves: bool = True
    """Whether operations that move pixels (rotate, shear, shift) are used; false leaves them out, as is necessary for
    boxes, points, and numbers that change with the movement, such as an angle."""

    def check(self, data: Dataset) -> None:
        """See ``Step.check``."""
        check_images("rand_augment", data)
        if data.shape[-1] not in MODES:
            raise UserError(
                f"[data] augmentation: rand_augment needs RGB or grey images, but they have {data.shape[-1]} channels"
            )
        if self.moves and data.train.targets.PLACES:
            raise UserError(
                "[data] augmentation: rand_augment rotates, shears and shifts images, but the targets of "
                f"{data.name} cannot follow: set moves = false"
            )

    def of(self, images: np.ndarray, targets: Targets, rng: np.random.Generator) -> tuple[np.ndarray, Targets]:
        """See ``Step.of``; draws the operations, (n, operations), then as many directions."""
        known = [operation for operation in OPERATIONS.values() if self.moves or not operation.moves]
        chosen = rng.integers(0, len(known), (len(images), self.operations))
        directions = rng.choice([-1, 1], chosen.shape)
        result = np.empty_like(images)
        for row, (numbers, signs) in enumerate(zip(chosen, directions, strict=True)):
            image = Image.fromarray(images[row].squeeze(2) if images.shape[3] == 1 else images[row])
            for number, sign in zip(numbers, signs, strict=True):
                operation = known[number]
                image = operation.of(image, self.magnitude / MOST * (int(sign) if operation.signed else 1))
            result[row] = np.asarray(image).reshape(images.shape[1:])
        return result, targets
