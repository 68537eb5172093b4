"""Names of data sets and their configs; each gives uint8 images and labels in three splits."""

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
}

__all__ = ["DATASETS", "Augmentation", "Dataset", "DatasetConfig", "Split"]
