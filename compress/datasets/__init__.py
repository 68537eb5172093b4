"""Names of data sets and their configs; each gives images, or other arrays, and labels in three splits."""

from pathlib import Path

from compress.datasets.arrays import Arrays, in_memory
from compress.datasets.augment import Augmentation
from compress.datasets.base import DatasetConfig
from compress.datasets.cifar import Cifar10, Cifar100
from compress.datasets.digits import Digits
from compress.datasets.folder import Folder
from compress.datasets.splits import Dataset, Split

DATASETS: dict[str, type[DatasetConfig]] = {
    "digits": Digits,
    "cifar10": Cifar10,
    "cifar100": Cifar100,
    "folder": Folder,
    "arrays": Arrays,
}


def meant_by(data: str) -> tuple[str, str | None]:
    """(name of a data set, its path if it has one) for what a user calls data: a file or folder, else a name."""
    path = Path(data)
    if path.is_file() or (path.is_dir() and not (path / "train").is_dir() and any(path.glob("*.npy"))):
        return "arrays", data
    return ("folder", data) if path.is_dir() else (data, None)


__all__ = ["DATASETS", "Augmentation", "Dataset", "DatasetConfig", "Split", "in_memory", "meant_by"]
