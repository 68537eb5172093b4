"""What a user sees of a long run: stage k of n, epoch, loss, time left."""

import time
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

REFRESH_S = 0.1  # at most so often; nothing draws by itself, so that no thread disturbs what is being measured
LOGGED_EPOCHS = 10  # lines a phase, where there is no terminal


class Progress:
    """On a terminal one live region, and one line a stage that stays; elsewhere (a log file, CI) a few plain lines."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        self.stage = ""
        self._label = self._kind = self._activity = self._numbers = self._left = ""
        self._live: Live | None = None
        self._notes: list[str] = []  # of the stage, which come below its line
        self._started = self._drawn = 0.0  # of the current phase, 0 between phases; when the region was drawn
        self._first = self._epoch = self._epochs = self._steps = self._step = 0

    def say(self, text: str) -> None:
        """A line that stays; on a terminal what is said of a stage comes below the stage's own line."""
        if self._live is not None and self._label:
            self._notes.append(text)
        else:
            self._print(text)

    def doing(self, text: str, logged: bool = False) -> None:
        """What is done now, seen while it lasts; ``logged``: also a line of a log, where there is no terminal."""
        self._activity = text
        self._draw()
        if logged and not self.console.is_terminal:
            self.say(f"    {text}")

    def begin(self, number: int, of: int, stage: str, kind: str) -> None:
        """A stage starts: ``number`` counts from 1."""
        self.stage, self._kind, self._label = stage, kind, f"[{number}/{of}] {stage}"
        self._started, self._activity, self._numbers, self._epochs = 0.0, "", "", 0
        if not self.console.is_terminal:
            self.say(f"{self._label} ({kind})")
        self._draw()

    def epoch(self, epoch: int, epochs: int, steps: int) -> None:
        """Epoch ``epoch`` (from 0) of ``epochs`` starts; it has ``steps`` steps."""
        if not self._started:
            self._started, self._first, self._left = time.perf_counter(), epoch, ""
            self._activity = "preparing the training"
        self._epoch, self._epochs, self._steps, self._step = epoch, epochs, steps, 0
        self._draw()

    def step(self, step: int, logs: dict[str, float]) -> None:
        """``step`` steps (from 1) of the epoch are done."""
        if time.perf_counter() - self._drawn < REFRESH_S:
            return
        self._step, self._activity = step, f"loss {logs['loss']:.4g}"
        if self._epoch > self._first or step > 1:  # the first step takes long: it is traced
            self._left = f"{duration(self._seconds_left())} left"
        self._draw()

    def epoch_end(self, row: dict[str, Any]) -> None:
        """An epoch is done, with these numbers: a line of it in a log."""
        self._step = self._steps
        self._numbers = next((_named(*item) for item in row.items() if item[0].startswith("val_")), "")
        if not self.console.is_terminal and self._is_logged(self._epoch + 1):
            shown = "  ".join(_named(*item) for item in row.items() if item[0] not in ("epoch", "seconds"))
            seconds = f"{row['seconds']:.1f} s, {duration(self._seconds_left())} left"
            self.say(f"{self._label}  epoch {self._epoch + 1}/{self._epochs}  {shown}  {seconds}")
        self._draw()
        if self._epoch + 1 == self._epochs:
            self._started, self._activity, self._epochs = 0.0, "", 0

    def end(self, text: str) -> None:
        """The stage is done: the one line of it that stays, and what was said meanwhile."""
        lines = [f"    {text}"]
        if self.console.is_terminal:
            lines = [f"{self._label:<{_NAME}} {self._kind:<{_KIND}} {text}", *self._notes]
        self._label, self._activity, self._numbers, self._notes = "", "", "", []
        for line in lines:
            self.say(line)

    def stop(self) -> None:
        """Takes the live region off the screen, and prints what is still to be said."""
        self._started = 0.0
        if self._live is not None:
            self._live.stop()
            self._live = None
            self._print(*self._notes)
            self._notes = []

    def _print(self, *lines: str) -> None:
        for line in lines:
            self.console.print(line, markup=False)

    def _draw(self) -> None:
        if not self.console.is_terminal:
            return
        if self._live is None:
            self._live = Live(console=self.console, auto_refresh=False, transient=True, get_renderable=self._region)
            self._live.start()
        self._drawn = time.perf_counter()
        self._live.refresh()

    def _region(self) -> Table:
        region = Table.grid(padding=(0, 2))
        for _ in range(6):
            region.add_column(no_wrap=True)
        cells: list[Any] = [self._label]
        if self._epochs:
            total, done = self._epochs * self._steps, self._epoch * self._steps + self._step
            cells += [ProgressBar(total, done, width=20), f"epoch {self._epoch + 1}/{self._epochs}"]
        cells += [self._activity, *([self._numbers, self._left] if self._epochs else [])]
        region.add_row(*filter(None, cells))
        return region

    def _seconds_left(self) -> float:
        """In this phase, by its steps so far."""
        first = self._first * self._steps
        done = self._epoch * self._steps + self._step - first
        return (time.perf_counter() - self._started) / done * (self._epochs * self._steps - first - done)

    def _is_logged(self, epoch: int) -> bool:
        """Whether a log has a line of the epoch, counted from 1: of ten of them, spread evenly."""
        count = self._epochs
        return count <= LOGGED_EPOCHS or epoch * LOGGED_EPOCHS // count > (epoch - 1) * LOGGED_EPOCHS // count


_NAME, _KIND = 18, 9  # columns of a stage's line


def _named(name: str, value: float) -> str:
    return f"{name.replace('_', ' ')} {value:.4g}"


def duration(seconds: float) -> str:
    """Seconds as m:ss, or h:mm:ss from an hour on.

    >>> duration(75.4), duration(3700)
    ('1:15', '1:01:40')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
