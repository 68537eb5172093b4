"""The record of a training: one row an epoch in history.csv, and live progress on the screen. Loads TensorFlow."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from compress import keras
from compress.progress import Progress
from compress.training import csv_history


class History(keras.callbacks.Callback):
    """Averages what the steps log, validates, and appends the epoch's row; a resumed training drops rows it repeats."""

    def __init__(
        self,
        path: Path,
        progress: Progress,
        validate: Callable[[], dict[str, float]],
        steps: int,
        epochs: int,
    ) -> None:
        super().__init__()
        self._path, self._progress, self._validate = path, progress, validate
        self._steps, self._epochs = steps, epochs
        self.row: dict[str, Any] = {}
        self._sums: dict[str, float] = {}
        self._start = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._sums, self._start = {}, time.perf_counter()
        self._progress.epoch(epoch, self._epochs, self._steps)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        for name, value in logs.items():
            self._sums[name] = self._sums.get(name, 0.0) + float(value)
        self._progress.step(batch + 1, {"loss": self._sums["loss"] / (batch + 1)})

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        row: dict[str, Any] = {"epoch": epoch + 1}
        row |= {name: round(total / self._steps, 6) for name, total in self._sums.items()}
        row |= {name: round(value, 6) for name, value in self._validate().items()}
        row["seconds"] = round(time.perf_counter() - self._start, 3)
        earlier = [old for old in csv_history.read_rows(self._path) if int(old["epoch"]) <= epoch]
        csv_history.write_rows(self._path, [*earlier, row])
        self.row = row
