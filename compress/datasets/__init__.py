"""Names of data sets and their configs; each gives images, or other arrays, and labels in three splits."""

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

__all__ = ["DATASETS", "Augmentation", "Dataset", "DatasetConfig", "Split", "in_memory"]
