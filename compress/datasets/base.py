"""What the config of every data set has: the [data] table of a pipeline."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import PlainValidator

from compress.config import config
from compress.datasets.augment import Augmentation
from compress.datasets.splits import Dataset
from compress.errors import UserError

# Constants, not options: whatever a run may set, its test images were never trained on, nor validated on by another.
TEST_SEED = 20
VALIDATION_SEED = 10
SUBSET_SEED = 5
TEST_FRACTION = 0.2
VALIDATION_FRACTION = 0.1

SMALLEST = 8  # pixels a side


def checked_size(value: Any) -> Any:
    """A side or [height, width] as TOML has it, a pair as a tuple; raises ValueError for anything else."""
    pair = isinstance(value, (list, tuple)) and len(value) == 2
    sides = value if pair else [value]
    if any(type(side) is not int or side < SMALLEST for side in sides):
        raise ValueError(f"a side in pixels or [height, width], each a whole number of at least {SMALLEST}")
    return tuple(value) if pair else value


PixelSize = Annotated[int | tuple[int, int], PlainValidator(checked_size)]


def located(
    path: str,
    data_dir: Path | None,
    what: str,
    is_there: Callable[[Path], bool],
    lacking: Callable[[Path], str] = lambda path: "",
) -> Path:
    """The path as it is or below the data folder. Raises UserError, which calls it ``what``, where it is in neither;
    ``lacking`` tells what a path that exists misses, in words."""
    given = Path(path).expanduser()
    candidates = [given] if data_dir is None else [given, data_dir / given]
    for candidate in candidates:
        if is_there(candidate):
            return candidate
    for candidate in candidates:
        if candidate.exists():
            missing = lacking(candidate)
            raise UserError(f"{candidate} is not a {what}{f': it has no {missing}' if missing else ''}")
    raise UserError(f"{what} not found: {' or '.join(dict.fromkeys(map(str, candidates)))}")


@config
class PixelScale:
    """value = scale * byte + offset, as in Keras's Rescaling."""

    scale: float | tuple[float, ...] = 1.0
    """Factor by which a byte (0 to 255) is multiplied: one number for all channels, or one per channel."""
    offset: float | tuple[float, ...] = 0.0
    """Number added after the multiplication: one number for all channels, or one per channel."""


@config
class DatasetConfig:
    """``size``: the images' side in pixels, or [height, width]; ``channels``: 3 for RGB, 1 for grey.

    ``augmentation`` says how training images are changed at random. ``pixels`` is the range of pixel values that your
    own networks expect, where it cannot be found from them: a name of ``compress.pixels``, or { scale, offset }.
    """

    HAS_OWN_SHAPE: ClassVar[bool] = False
    """Whether examples keep their shape where no size is given."""
    size: PixelSize = 32
    """Side of the square images in pixels, or [height, width]; every image is resized to it."""
    channels: Literal[1, 3] = 3
    """Number of colour channels: 3 for RGB, 1 for grey images."""
    augmentation: Augmentation = Augmentation()
    """How training images are changed at random, such as { crop_padding = 4, flip = true }."""
    pixels: str | PixelScale | None = None
    """The range of pixel values that your own network expects, such as "0..255", or { scale, offset }. Needed only if
    it cannot be found from the network."""

    @classmethod
    def is_at(cls, path: Path) -> bool:
        """Whether a path, of which a user says no more, is data of this kind."""
        return False

    @classmethod
    def for_model(cls, names: Sequence[str]) -> dict[str, Any]:
        """Settings that follow from what a model calls its outputs, which is to be judged on the data."""
        return {}

    def load(self, data_dir: Path | None = None, skip_bad_images: bool = False) -> Dataset:
        """Read the data set, looking for its files in ``data_dir`` first.

        ``skip_bad_images`` leaves unreadable image files out, where a data set has any, and says so in the notes.
        Raises UserError when files are missing or damaged.
        """
        raise NotImplementedError
