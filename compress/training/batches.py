"""The batches of a training as a tf.data.Dataset, read and augmented by several threads. Loads TensorFlow."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from compress import keras
from compress.datasets.splits import THREADS
from compress.training.settings import Data

tf = keras.tf

AHEAD = 2
"""Batches that are ready before the network asks for them."""
AT_ONCE = 2 * THREADS
"""Batches that are made at a time; twice the threads that decode at once, as one may wait for a file, or for Python."""


class Batches:
    """``dataset`` gives the batches of the epoch that was begun, in their order, whichever thread is ready first.
    ``whole_inputs`` are the names of those extra inputs that have no row an example.

    AT_ONCE + AHEAD batches at most are in memory.
    """

    def __init__(self, data: Data, batch_size: int) -> None:
        self._epoch = 0
        self._data, self._batch_size = data, batch_size
        self._failed: BaseException | None = None
        no_batch = data.no_batch()
        self._specs = tf.nest.map_structure(
            lambda rows: tf.TensorSpec([side or None for side in rows.shape], rows.dtype), no_batch
        )
        self.whole_inputs = [name for name, rows in no_batch[2].items() if rows.shape[0]]
        self._steps = -(-len(data.train) // batch_size)
        self.dataset = self._of(self._steps)

    def endless(self, first_epoch: int) -> Any:
        """A data set of the batches of that epoch, from 0, and of all that follow it, where ``begin`` is not called."""
        self._epoch = first_epoch
        return self._of(tf.int64.max)

    def begin(self, epoch: int) -> None:
        """From here on the batches are those of that epoch, from 0; no batch of another may be under way."""
        self._epoch = epoch

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Raises what a thread raised in making a batch, in place of TensorFlow's error about it."""
        try:
            yield
        except tf.errors.OpError:
            if self._failed is not None:
                raise self._failed from None
            raise

    def _of(self, count: int) -> Any:
        numbers = tf.data.Dataset.range(count)
        made = numbers.map(self._made, num_parallel_calls=AT_ONCE, deterministic=True).prefetch(AHEAD)
        # There is nothing to tune. tf.data's tuner looks after 10, 30, 70 ms and so on, and an iterator that is deleted
        # can wait for its next look: as long as the epoch took, a minute at most (docs/decisions/0034).
        options = tf.data.Options()
        options.autotune.enabled = False
        return made.with_options(options)

    def _made(self, number: Any) -> Any:
        specs = tf.nest.flatten(self._specs)
        values = tf.numpy_function(self._batch, [number], [spec.dtype for spec in specs], stateful=True)
        for value, spec in zip(values, specs, strict=True):
            value.set_shape(spec.shape)
        return tf.nest.pack_sequence_as(self._specs, values)

    def _batch(self, number: np.ndarray) -> list[np.ndarray]:
        try:
            epochs, within = divmod(int(number), self._steps)
            batch = self._data.batch(self._batch_size, self._epoch + epochs, within)
            arrays: list[np.ndarray] = tf.nest.flatten(batch)
            return arrays
        except BaseException as error:
            self._failed = error
            raise
