"""Whatever a user trains on -> a data set: arrays, a tf.data.Dataset, a folder, a file, or a name."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from compress import keras
from compress.datasets import Dataset, in_memory
from compress.errors import UserError

MOST_BYTES = 4 * 10**9

Pair = tuple[np.ndarray, np.ndarray]


def dataset_of(train: Any, test: Any, validation: Any, classes: Sequence[str] | None) -> Dataset:
    """The data set of pairs (x, y) or of tf.data.Datasets. Raises UserError for what cannot be trained on."""
    given = [None if part is None else arrays(part, name) for part, name in zip(
        (train, test, validation), ("train", "test", "validation"), strict=True
    )]  # fmt: skip
    assert given[0] is not None
    return in_memory(given[0], given[1], given[2], classes)


def arrays(pair: Any, name: str) -> Pair:
    """(x, y) as arrays of numpy; of a tf.data.Dataset of such, batched or not, all of it."""
    if isinstance(pair, keras.tf.data.Dataset):
        return _all_of(pair, name)
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise UserError(f"{name} must be a pair (x, y) of arrays, or a tf.data.Dataset of such pairs")
    return np.asarray(pair[0]), np.asarray(pair[1])


def _all_of(data: Any, name: str) -> Pair:
    spec = data.element_spec
    if not isinstance(spec, tuple) or len(spec) != 2:
        raise UserError(f"{name}: a tf.data.Dataset must yield pairs (x, y)")
    if data.cardinality() == keras.tf.data.INFINITE_CARDINALITY:
        raise UserError(f"{name}: the tf.data.Dataset is infinite: use take(n), or leave repeat() out")
    batched = spec[1].shape.rank is not None and spec[1].shape.rank > 0 and spec[1].shape[0] is None
    examples, labels, size = [], [], 0
    for x, y in (data if batched else data.batch(256)).as_numpy_iterator():
        examples.append(x)
        labels.append(y)
        size += x.nbytes
        if size > MOST_BYTES:
            raise UserError(
                f"{name}: the tf.data.Dataset takes more than {MOST_BYTES / 1e9:.0f} GB of memory: give a "
                "folder of images (data=...), or use take(n)"
            )
    if not examples:
        raise UserError(f"{name}: the tf.data.Dataset is empty")
    return np.concatenate(examples), np.concatenate(labels)
