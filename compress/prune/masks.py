"""Prunes a network while it trains: tfmot's schedule and masks, between the steps. Loads TensorFlow.

tfmot's own wrappers put a conditional and an update per layer into the training step's graph; tracing it took 40 s
for a DenseNet121. A mask only changes between two steps, so the same objects work from a callback.
"""

from pathlib import Path
from typing import Any

import numpy as np
from tensorflow_model_optimization.python.core.sparsity.keras.pruning_impl import Pruning

from compress import keras
from compress.training import csv_history

tf = keras.tf


class GradualPruning(keras.callbacks.Callback):
    """Masks ``kernels`` before every step and after every epoch; new masks when tfmot's ``schedule`` says so.

    ``rows``: {"step", "sparsity"} over all masks together, after each step that is a multiple of the schedule's
    frequency, kept in the file at ``path``, so that a resumed training has the earlier ones.
    ``variables`` are the masks, which the training backs up with the network.
    """

    def __init__(self, kernels: list[Any], schedule: Any, steps_per_epoch: int, path: Path) -> None:
        super().__init__()
        self.variables = [tf.Variable(tf.ones_like(kernel), trainable=False) for kernel in kernels]
        self._kernels, self._schedule = kernels, schedule
        self._step, self._per_epoch, self._path = 0, steps_per_epoch, path
        earlier = csv_history.read_rows(path)
        self.rows = [{"step": int(row["step"]), "sparsity": float(row["sparsity"])} for row in earlier]

    def on_train_begin(self, logs: Any = None) -> None:
        # not before: a training on several replicas puts copies in the place of kernels and masks
        threshold = tf.Variable(0.0, trainable=False)  # tfmot wants a place for it
        pruned = [(kernel, mask, threshold) for kernel, mask in zip(self._kernels, self.variables, strict=True)]
        self._pruning = Pruning(lambda: tf.constant(self._step, tf.int64), pruned, self._schedule, (1, 1), "AVG")

    @tf.function(autograph=False)
    def _apply(self) -> None:
        self._pruning.weight_mask_op()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._step = epoch * self._per_epoch
        self.rows = [row for row in self.rows if row["step"] <= self._step]

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._step += 1
        self._pruning.conditional_mask_update()
        self._apply()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self._step % self._schedule.frequency == 0:
            nonzero = sum(float(np.count_nonzero(mask.numpy())) for mask in self.variables)
            size = sum(int(np.prod(mask.shape)) for mask in self.variables)
            self.rows.append({"step": self._step, "sparsity": round(1 - nonzero / size, 6)})

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._apply()  # the step's update has moved what was masked
        csv_history.write_rows(self._path, self.rows)
