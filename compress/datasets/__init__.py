"""Names of data sets and their configs; each gives images, or other arrays, and targets in three splits."""

from pathlib import Path

from compress.datasets.arrays import Arrays, in_memory
from compress.datasets.augment import Augmentation
from compress.datasets.base import DatasetConfig
from compress.datasets.cifar import Cifar10, Cifar100
from compress.datasets.coco import Coco
from compress.datasets.crowd import Crowd
from compress.datasets.csv_folder import CsvFolder
from compress.datasets.digit_pairs import DigitPairs
from compress.datasets.digits import Digits
from compress.datasets.folder import Folder
from compress.datasets.pictures import Crops
from compress.datasets.points_folder import PointsFolder
from compress.datasets.shanghaitech import ShanghaiTech
from compress.datasets.shapes import Shapes
from compress.datasets.splits import Dataset, Split, read_batches
from compress.datasets.turned_digits import TurnedDigits
from compress.datasets.voc import Voc
from compress.datasets.yolo import Yolo

DATASETS: dict[str, type[DatasetConfig]] = {
    "digits": Digits,
    "cifar10": Cifar10,
    "cifar100": Cifar100,
    "digit_pairs": DigitPairs,
    "turned_digits": TurnedDigits,
    "crowd": Crowd,
    "shapes": Shapes,
    "shanghaitech": ShanghaiTech,
    "arrays": Arrays,
    "csv": CsvFolder,
    "points": PointsFolder,
    "voc": Voc,
    "coco": Coco,
    "yolo": Yolo,
    "folder": Folder,  # last of those that have a path: any folder might be one
}


def meant_by(data: str) -> tuple[str, str | None]:
    """(name of a data set, its path if it has one) for what a user calls data: a file or folder, else a name."""
    name = next((name for name, kind in DATASETS.items() if kind.is_at(Path(data))), None)
    return (data, None) if name is None else (name, data)


__all__ = [
    "DATASETS",
    "Augmentation",
    "Crops",
    "Dataset",
    "DatasetConfig",
    "Split",
    "in_memory",
    "meant_by",
    "read_batches",
]
