"""ShanghaiTech's crowds, in the layout in which they are given away: pictures, and a .mat of heads for each."""

import re
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np

from compress.config import config
from compress.datasets.base import located
from compress.datasets.folder import left_out_note
from compress.datasets.kernels import Adaptive, AnyKernel, Fixed
from compress.datasets.missing_splits import held_out_rows, split_notes
from compress.datasets.points import PointsConfig, dataset_of, pictures_of, yx
from compress.datasets.read_pictures import nothing_in
from compress.datasets.splits import Dataset
from compress.errors import UserError, first_line
from compress.targets import Points

FOLDERS = {"A": ("part_A", "part_A_final"), "B": ("part_B", "part_B_final")}
TRUTH = ("ground-truth", "ground_truth")
IMAGE = re.compile(r"IMG_(\d+)\.jpg")
FOLDER_OF = {"train": "train_data", "test": "test_data"}


@config
class ShanghaiTech(PointsConfig):
    """``path``/part_A/train_data/images/IMG_1.jpg and ground-truth/GT_IMG_1.mat beside it, as well as test_data, for
    ``part`` "A" or "B". 10 % of the training pictures are held out for validation, with a constant seed.

    Zhang, Zhou, Chen, Gao and Ma, "Single-Image Crowd Counting via Multi-Column Convolutional Neural Network", CVPR
    2016. Part A has 300 training and 182 test pictures of different sizes, part B 400 and 316 of 768x1024.
    """

    name: Literal["shanghaitech"] = "shanghaitech"
    path: str = "ShanghaiTech"
    """Folder that contains part_A or part_B: absolute, or relative to the current folder or --data-dir."""
    part: Literal["A", "B"] = "A"
    """Part of the data set: A has web images of different sizes, B has street images of one size."""
    kernel: AnyKernel | None = None  # type: ignore[assignment]
    """Gaussian kernel that spreads each point in the density map. Default, as in the paper: adaptive for part A, fixed
    at 15 pixels for part B."""
    what: str = "people"
    """Name of the objects that are counted, used in tables and in the report."""

    def load(self, data_dir: Path | None = None, skip_bad_images: bool = False) -> Dataset:
        """See ``DatasetConfig.load``. Raises UserError naming the file that is missing or not what it should be."""
        self.check()
        root = located(self.path, data_dir, f"folder of ShanghaiTech with part_{self.part}", self._holds_part)
        folder = next(root / name for name in FOLDERS[self.part] if (root / name).is_dir())
        bad: list[str] = []
        parts = {}
        for part, name in FOLDER_OF.items():
            files, points = _listed(folder / name)
            kernel = self.kernel or (Adaptive() if self.part == "A" else Fixed(spread=15.0))
            parts[part] = pictures_of(files, points, kernel, self.channels, bad)[0]
        left_out_note(bad, skip_bad_images)  # before a split of what is left is drawn
        held_out = held_out_rows({part: nothing_in(Points, len(each)) for part, each in parts.items()})
        notes = [f"part {self.part}", *split_notes(held_out, "{} images", "the training images", "images")]
        parts |= {part: parts["train"].take(rows) for part, rows in held_out.items()}
        return dataset_of(self.name, parts, self, notes, bad, skip_bad_images)

    def _holds_part(self, path: Path) -> bool:
        return any((path / name).is_dir() for name in FOLDERS[self.part])


def _listed(folder: Path) -> tuple[list[Path], list[np.ndarray]]:
    """(the pictures of train_data or test_data, y and x of the heads in each)."""
    truth = next((folder / name for name in TRUTH if (folder / name).is_dir()), None)
    if not (folder / "images").is_dir() or truth is None:
        raise UserError(f"{folder}: expected the folders images/ and ground-truth/ in it")
    numbers = {path: IMAGE.fullmatch(path.name) for path in (folder / "images").iterdir()}
    files = sorted((path for path, match in numbers.items() if match), key=lambda path: int(path.stem.split("_")[1]))
    if not files:
        raise UserError(f"{folder / 'images'} has no images named IMG_1.jpg, IMG_2.jpg, ...")
    return files, [heads(truth / f"GT_{path.stem}.mat") for path in files]


def heads(path: Path) -> np.ndarray:
    """y and x of the heads that a .mat of ShanghaiTech lists, in pixels: float64 (k, 2).

    Raises UserError for what is no such file.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    if not path.is_file():
        raise UserError(f"{path} is missing")
    try:
        rows: Any = loadmat(path)["image_info"][0, 0][0, 0][0]
        points = yx(rows) - 0.5  # MATLAB calls the middle of the upper left pixel (1, 1)
        if not np.isfinite(points).all():
            raise ValueError("a place is no finite number")
    except (OSError, ValueError, LookupError, TypeError, NotImplementedError, MatReadError, zlib.error) as error:
        raise UserError(f"{path} is not in ShanghaiTech's format ({first_line(error)})") from error
    return points
