"""A hole in each image: DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout",
2017."""

from typing import Annotated

import numpy as np
from pydantic import Field

from compress.config import config
from compress.datasets.augment_step import check_images
from compress.datasets.splits import Dataset
from compress.errors import UserError
from compress.targets import Targets


@config
class Cutout:
    """A square of ``side`` pixels in each image is filled with the image's mean colour, so that the mean of the image
    stays the same. (The paper uses the mean of all images.)

    The square's centre is any pixel, so that a part of the square may lie outside the image, as in the paper. The paper
    uses 16 pixels for CIFAR-10 and 8 for CIFAR-100. 0 changes nothing.
    """

    side: Annotated[int, Field(ge=0)]
    """Side of the covered square, in pixels. 0: off."""

    def check(self, data: Dataset) -> None:
        """See ``Step.check``."""
        check_images("cutout", data)
        if data.train.targets.PLACES:
            raise UserError(
                f"[data] augmentation: cutout would hide objects that the targets of {data.name} still contain; "
                "leave cutout out"
            )

    def of(self, images: np.ndarray, targets: Targets, rng: np.random.Generator) -> tuple[np.ndarray, Targets]:
        """See ``Step.of``; draws the rows of the centres, then the columns."""
        rows, columns = (rng.integers(0, extent, len(images)) for extent in images.shape[1:3])
        return cut(images, rows, columns, self.side), targets


def cut(images: np.ndarray, rows: np.ndarray, columns: np.ndarray, side: int) -> np.ndarray:
    """uint8 (n, h, w, c), each with a hole around the pixel at its row and column, int64 (n,) both.

    A hole covers ``side`` rows and columns, the first ``side // 2`` above and left of the centre.
    """
    result = images.copy()
    for image, row, column in zip(result, rows, columns, strict=True):
        top, left = row - side // 2, column - side // 2
        total = image.sum(axis=0, dtype=np.uint32).sum(axis=0)  # a tenth of the time of image.mean
        mean = np.rint(total / (image.shape[0] * image.shape[1]))
        image[max(0, top) : max(0, top + side), max(0, left) : max(0, left + side)] = mean
    return result
