"""Random parts of images, resized: Szegedy et al., "Going Deeper with Convolutions", CVPR 2015, section 6."""

from typing import Annotated

import numpy as np
from pydantic import Field

from compress.config import config
from compress.datasets.augment_step import check_images
from compress.datasets.splits import Dataset
from compress.errors import UserError
from compress.targets import Parts

Scale = Annotated[float, Field(gt=0, le=1)]
Ratio = Annotated[float, Field(gt=0)]


@config
class ResizedCrop:
    """A random part of the image is resized, bilinearly, to the size of the image; targets that contain positions are
    moved with it.

    The part's area, as a fraction of the image's, is drawn uniformly between the two numbers of ``scale``. Its aspect
    ratio, as a multiple of the image's, is drawn between the two numbers of ``ratio``, uniformly in its logarithm,
    among those with which such an area fits into the image. scale = [1, 1] is the whole image.
    """

    scale: tuple[Scale, Scale] = (0.08, 1.0)
    """[smallest, largest] area of the crop, as a fraction of the image's area; drawn at random between the two."""
    ratio: tuple[Ratio, Ratio] = (3 / 4, 4 / 3)
    """[smallest, largest] aspect ratio of the crop, as a multiple of the image's own; drawn at random between the
    two."""

    def check(self, data: Dataset) -> None:
        """Raises UserError for settings that contradict each other, and for data that are no images."""
        if self.scale[0] > self.scale[1]:
            raise UserError(
                f"[data] augmentation: resized_crop.scale = {list(self.scale)}: the first number must be the "
                "smaller one"
            )
        if not self.ratio[0] <= 1 <= self.ratio[1]:
            raise UserError(
                f"[data] augmentation: resized_crop.ratio = {list(self.ratio)}: 1 must lie between the two numbers"
            )
        check_images("resized_crop", data)

    def draw(self, count: int, height: int, width: int, rng: np.random.Generator) -> Parts:
        """Draws from ``rng`` the areas, the ratios, the tops and the lefts."""
        area = rng.uniform(*self.scale, count)
        # width**2 is area * ratio and height**2 is area / ratio: neither is more than 1
        least, most = (np.log(np.clip(ratio, area, 1 / area)) for ratio in self.ratio)
        ratio = np.exp(least + (most - least) * rng.random(count))
        sides = np.minimum(1.0, np.sqrt(np.stack([area / ratio, area * ratio], axis=1)))
        start = rng.random((2, count)).T * (1 - sides)
        return Parts(height, width, np.concatenate([start, start + sides], axis=1))
