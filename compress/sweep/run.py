"""Makes all points of a sweep, and keeps their results and the tables as they come."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from compress import report
from compress.artifacts import Store
from compress.artifacts.files import replace, seal, write_json
from compress.clock import Clock
from compress.errors import Failure, UserError, first_line
from compress.pipeline import Made, latencies, results, view
from compress.pipeline.machine import account
from compress.progress import duration
from compress.report.words import megabytes, percent
from compress.sweep import order, table
from compress.sweep.local import Said
from compress.sweep.plan import Planned, finished
from compress.sweep.work import Job, Outcome

POLL_S = 0.5  # how soon a point is started after a stage that it waits for is in the store
NETWORK_FOLDER_S = 60.0  # an NFS client may take so long to see what another one wrote


class Runner(Protocol):
    """Where points are made: ``local.Processes`` or ``cluster.Cluster``."""

    @property
    def at_once(self) -> int: ...

    @property
    def has_room(self) -> bool: ...

    def start(self, job: Job) -> None: ...

    def wait(self, seconds: float) -> list[Said]: ...


@dataclass
class Book:
    """What is known of a sweep's points, by their numbers, and its files below ``folder``."""

    planned: Sequence[Planned]
    fields: Sequence[str]
    folder: Path
    store: Store
    found: dict[int, dict[str, Any]] = field(default_factory=dict)
    """Results of the points that are made; without latency until that is measured."""
    causes: dict[int, str] = field(default_factory=dict)
    """Of the points that failed."""
    _unmeasured: list[tuple[Planned, Made]] = field(default_factory=list)

    def take(self, one: Planned) -> bool:
        """Takes down a point whose stages are all in the store: of a sweep that was stopped before it was measured."""
        made = {key: (artifact, True) for key in one.keys if (artifact := self.store.find(key)) is not None}
        if len(made) < len(one.keys):
            return False
        self._made_it(one, made, account(Clock(), 0.0))
        return True

    def end(self, one: Planned, outcome: Outcome) -> None:
        """Takes down what became of a point."""
        cause, made = outcome.cause, {}
        if not cause:
            made = self._made(one, outcome)
            if len(made) < len(one.keys):
                cause = f"what it made is not in {self.store.root} as seen from here: a cluster must share that folder"
        traceback = self.folder / one.point.name / "traceback.txt"
        traceback.unlink(missing_ok=True)
        if outcome.traceback:
            cause += f" ({replace(traceback, outcome.traceback)})"
        if cause:
            self.causes[one.point.number] = cause
        else:
            self._made_it(one, made, outcome.seconds)
        self.write()

    def _made_it(self, one: Planned, made: Made, seconds: Mapping[str, float]) -> None:
        self.found[one.point.number] = results(one.plan, made, {}, seconds)
        self._unmeasured.append((one, made))

    def measure(self, say: Callable[[str], None]) -> None:
        """Measures what has no latency yet and finishes those points; call it while no point is being made."""
        if self._unmeasured:
            count = len(self._unmeasured)
            say("measuring latency on this host" + (f", of {count} points" if count > 1 else ""))
        while self._unmeasured:
            one, made = self._unmeasured[0]
            try:
                self._finish(one, made)
            except (UserError, Failure, OSError) as error:  # its artifacts were deleted meanwhile, the disk is full
                del self.found[one.point.number]
                self.causes[one.point.number] = f"it was made, but cannot be measured: {first_line(error)}"
                say(f"point {one.point.number} {_news(self, one)}")
            del self._unmeasured[0]
            self.write()

    def _finish(self, one: Planned, made: Made) -> None:
        """Measures a point and writes its folder."""
        run, clock = self.found[one.point.number], Clock()
        with clock("latency"):
            measured = latencies(one.plan, self.store, made)
        spent = round(clock.seconds["latency"], 2)
        seconds = {**run["seconds"], "wall": round(run["seconds"]["wall"] + spent, 2), "latency": spent}
        run = self.found[one.point.number] = seal(results(one.plan, made, measured, seconds))
        folder = self.folder / one.point.name
        for number, step in enumerate(one.plan.steps, start=1):
            view.link(folder, number, step.stage.name, made[step.key][0].path)
        view.drop_after(folder, len(one.plan.steps))
        report.write(run, folder, plotted=False)  # plots of all points would take longer than some points
        write_json(folder / "run.json", run)  # the last file: the point is finished

    def rows(self) -> list[dict[str, Any]]:
        return table.rows([one.point for one in self.planned], self.fields, self.found, self.causes)

    def write(self) -> None:
        """Writes the tables of what is known so far."""
        rows = self.rows()
        replace(self.folder / "sweep.csv", table.csv_text(rows, self.fields))
        text = table.markdown(rows, self.fields)
        if self.found:
            text += f"\n{report.table.latency_note(next(iter(self.found.values())))}\n"
        replace(self.folder / "sweep.md", text)

    def _made(self, one: Planned, outcome: Outcome) -> Made:
        """The artifacts of a point that are seen here, at once or when a network folder shows them."""
        until = time.monotonic() + NETWORK_FOLDER_S
        while True:
            made = {
                key: (artifact, before)
                for key, before in outcome.was_there.items()
                if (artifact := self.store.find(key)) is not None
            }
            if len(made) == len(outcome.was_there) or time.monotonic() > until:
                return made
            if (self.store.root / "artifacts").is_dir():
                os.listdir(self.store.root / "artifacts")  # makes an NFS client look again
            time.sleep(POLL_S)


def run(
    planned: Sequence[Planned],
    fields: Sequence[str],
    hire: Callable[[int], AbstractContextManager[Runner]],
    store: Store,
    folder: Path,
    say: Callable[[str], None],
    data_dir: Path | None = None,
    skip_bad_images: bool = False,
) -> Book:
    """Makes the points that no earlier run has finished, writes everything below ``folder``, and tells how it went.

    ``hire(n)`` gives the runner for n points, which is asked for only if there is one to make; ``say`` prints a line.
    """
    folder.mkdir(parents=True, exist_ok=True)  # what cannot be written is told before anything is made
    book = Book(planned, fields, folder, store, finished(folder, planned, store))
    waiting = [one for one in planned if one.point.number not in book.found and not book.take(one)]
    say(summary(planned, waiting, fields, store))
    store.root.mkdir(parents=True, exist_ok=True)
    book.write()
    book.measure(say)
    if waiting:
        with hire(len(waiting)) as runner:
            _make(book, waiting, runner, say, data_dir, skip_bad_images)
    return book


def summary(planned: Sequence[Planned], waiting: Sequence[Planned], fields: Sequence[str], store: Store) -> str:
    """What a sweep will do, in one line."""
    stages = {step.key for one in waiting for step in one.plan.steps}
    missing = sum(store.find(key) is None for key in stages)
    before = len(planned) - len(waiting)
    return (
        f"{len(planned)} points of {' x '.join(fields)}: {f'{before} finished before, ' * (before > 0)}"
        f"{len(waiting)} to go, with {missing} stages to make "
        f"({sum(len(one.plan.steps) for one in waiting)} if nothing were shared)"
    )


def _make(
    book: Book,
    waiting: list[Planned],
    runner: Runner,
    say: Callable[[str], None],
    data_dir: Path | None,
    skip_bad_images: bool,
) -> None:
    def has(key: str) -> bool:
        return book.store.find(key) is not None

    count, store = len(book.planned), book.store.root.resolve()
    limit = book.store.outputs.limit_bytes
    running: dict[int, Planned] = {}
    while waiting or running:
        if not running:
            book.measure(say)
        while runner.has_room and (one := order.next_point(waiting, list(running.values()), has)):
            waiting.remove(one)
            number = one.point.number
            running[number] = one
            say(f"point {number} of {count}: {one.point.name}")
            runner.start(Job(number, one.plan.pipeline, one.keys, store, limit, data_dir, skip_bad_images))
        for number, said in runner.wait(POLL_S):
            if isinstance(said, str):
                say(f"point {number} | {said}")
                continue
            ended = [running.pop(number)]
            book.end(ended[0], said)
            if said.hopeless:
                alike = [one for one in waiting if said.hopeless in one.keys]
                for one in alike:
                    waiting.remove(one)
                    book.end(one, Outcome(cause=f"as point {number}: {said.cause}"))
                ended += alike
            left = [*running.values(), *waiting]
            for one in ended:
                say(f"point {one.point.number} of {count} {_news(book, one)}")
            seconds = order.seconds_left(left, has, list(book.found.values()), runner.at_once)
            if left:
                say(f"{count - len(left)} of {count} points ended" + (f", {duration(seconds)} left" if seconds else ""))
    book.measure(say)


def _news(book: Book, one: Planned) -> str:
    if one.point.number in book.causes:
        return f"failed: {book.causes[one.point.number]}"
    run = book.found[one.point.number]
    last = run["stages"][-1]
    size = min(last["tflite_bytes"], last["sparse_tflite_bytes"])
    return f"is made in {duration(run['seconds']['wall'])}: top-1 {percent(last['top1'])}, {megabytes(size)}"
