"""Random crops and flips of training images, as in the CIFAR papers."""

from typing import Annotated

import numpy as np
from pydantic import Field

from compress.config import config
from compress.targets import Geometry


@config
class Augmentation:
    """Pad with black by ``crop_padding`` pixels and cut the old size back out at random; mirror every second image.

    Which ones are mirrored is drawn with p = 1/2. The defaults change nothing.
    """

    crop_padding: Annotated[int, Field(ge=0)] = 0
    flip: bool = False

    @property
    def changes_images(self) -> bool:
        return bool(self.crop_padding) or self.flip

    def draw(self, count: int, height: int, width: int, rng: np.random.Generator) -> Geometry:
        """What happens to each of ``count`` images of height x width.

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
