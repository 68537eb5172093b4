"""Records the sparsity of the masks at every pruning step. Loads TensorFlow."""

from pathlib import Path
from typing import Any

import numpy as np

from compress import keras
from compress.training import records


class SparsityTrace(keras.callbacks.Callback):
    """``rows``: {"step", "sparsity"} over all masks together, after each step that is a multiple of ``frequency``.

    They are kept in the file at ``path``, so that a resumed training has the earlier ones.
    """

    def __init__(self, network: Any, frequency: int, steps_per_epoch: int, path: Path) -> None:
        super().__init__()
        self._masks = [mask for layer in network.layers for _, mask, _ in getattr(layer, "pruning_vars", [])]
        self._frequency, self._per_epoch, self._step, self._path = frequency, steps_per_epoch, 0, path
        self.rows = [{"step": int(row["step"]), "sparsity": float(row["sparsity"])} for row in records.read(path)]

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._step = epoch * self._per_epoch
        self.rows = [row for row in self.rows if row["step"] <= self._step]

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._step += 1
        if self._step % self._frequency == 0:
            kept = sum(float(np.count_nonzero(mask.numpy())) for mask in self._masks)
            size = sum(int(np.prod(mask.shape)) for mask in self._masks)
            self.rows.append({"step": self._step, "sparsity": round(1 - kept / size, 6)})

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        records.write(self._path, self.rows)
