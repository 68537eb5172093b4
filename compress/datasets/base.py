"""What the config of every data set has: the [data] table of a pipeline."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from compress.config import config
from compress.datasets.augment import Augmentation
from compress.datasets.splits import Dataset

# Constants, not options: whatever a run may set, its test images were never trained on, nor validated on by another.
TEST_SEED = 20
VALIDATION_SEED = 10
SUBSET_SEED = 5
TEST_FRACTION = 0.2
VALIDATION_FRACTION = 0.1


@config
class DatasetConfig:
    """``size``: the side of the square images in pixels; ``augmentation``: what training does to its images."""

    size: Annotated[int, Field(ge=8)] = 32
    augmentation: Augmentation = Augmentation()

    def load(self, data_dir: Path | None = None, skip_bad_images: bool = False) -> Dataset:
        """Read the data set, looking for its files in ``data_dir`` first.

        ``skip_bad_images`` leaves unreadable image files out, where a data set has any, and says so in the notes.
        Raises UserError when files are missing or damaged.
        """
        raise NotImplementedError
