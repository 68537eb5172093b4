"""What a user sees of a long run: stage k of n, epoch, loss, time left."""

import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


class Progress:
    """A live bar on a terminal; elsewhere (a log file, CI) one line an epoch."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        self.stage = ""
        self._label = ""
        self._bar: Bar | None = None
        self._task: Any = None
        self._started = 0.0  # of the current phase; 0 between phases
        self._first = self._epoch = self._epochs = self._steps = 0

    def say(self, text: str) -> None:
        """Prints a line above the bar."""
        self.console.print(text, markup=False)

    def begin(self, number: int, of: int, stage: str, kind: str) -> None:
        """A stage starts: ``number`` counts from 1."""
        self.stage, self._label, self._started = stage, f"[{number}/{of}] {stage}", 0.0
        self.say(f"{self._label} ({kind})")

    def epoch(self, epoch: int, epochs: int, steps: int) -> None:
        """Epoch ``epoch`` (from 0) of ``epochs`` starts; it has ``steps`` steps."""
        if not self._started:
            self._started, self._first = time.perf_counter(), epoch
        self._epoch, self._epochs, self._steps = epoch, epochs, steps
        if self.console.is_terminal and self._bar is None:
            self._bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[loss]}"),
                TextColumn("left"),
                TimeRemainingColumn(),
                console=self.console,
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task("", total=epochs * steps, completed=epoch * steps, loss="tracing")

    def step(self, step: int, logs: dict[str, float]) -> None:
        """``step`` steps (from 1) of the epoch are done."""
        if self._bar is not None:
            self._bar.update(
                self._task,
                completed=self._epoch * self._steps + step,
                loss=f"loss {logs['loss']:.4f}",
                description=f"{self._label}  epoch {self._epoch + 1}/{self._epochs}",
            )

    def epoch_end(self, row: dict[str, Any]) -> None:
        """Prints the epoch's numbers and the time left in this stage."""
        done = self._epoch + 1 - self._first
        left = (time.perf_counter() - self._started) / done * (self._epochs - self._epoch - 1)
        shown = "  ".join(
            f"{name.replace('_', ' ')} {value:.4g}" for name, value in row.items() if name not in ("epoch", "seconds")
        )
        seconds = f"{row['seconds']:.1f} s, {duration(left)} left"
        self.say(f"{self._label}  epoch {self._epoch + 1}/{self._epochs}  {shown}  {seconds}")
        if self._epoch + 1 == self._epochs:
            self.stop()

    def stop(self) -> None:
        """Ends a phase: takes the bar off the screen."""
        self._started = 0.0
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def duration(seconds: float) -> str:
    """Seconds as m:ss, or h:mm:ss from an hour on.

    >>> duration(75.4), duration(3700)
    ('1:15', '1:01:40')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
