"""Makes all points of a sweep, and tells how it goes."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from compress.artifacts import Store
from compress.progress import duration
from compress.sweep import scheduler
from compress.sweep.local import Message
from compress.sweep.plan import Planned, finished
from compress.sweep.state import State
from compress.sweep.worker import Job, Outcome

POLL_S = 0.5  # how soon a point is started after a stage that it waits for is in the store


class Runner(Protocol):
    """Where points are made: ``local.Processes`` or ``cluster.Cluster``."""

    @property
    def at_once(self) -> int: ...

    @property
    def has_room(self) -> bool: ...

    def start(self, job: Job) -> None: ...

    def wait(self, seconds: float) -> list[Message]: ...


def run(
    planned: Sequence[Planned],
    fields: Sequence[str],
    start_workers: Callable[[int], AbstractContextManager[Runner]],
    store: Store,
    folder: Path,
    say: Callable[[str], None],
    data_dir: Path | None = None,
    skip_bad_images: bool = False,
    strategy: str | None = None,
) -> State:
    """Makes the points that no earlier run has finished, writes everything below ``folder``, and tells how it went.

    ``start_workers(n)`` gives the runner for n points and is called only if a point is missing; ``say`` prints a line.
    """
    folder.mkdir(parents=True, exist_ok=True)  # what cannot be written is told before anything is made
    state = State(planned, fields, folder, store, finished(folder, planned, store))
    waiting = [point for point in planned if point.number not in state.runs and not state.record_if_made(point)]
    say(summary(planned, waiting, fields, store))
    store.root.mkdir(parents=True, exist_ok=True)
    for point in planned:
        if point.number in state.causes:
            say(state.line_about(point))
    state.write()
    state.measure(say)
    if waiting:
        with start_workers(len(waiting)) as runner:
            _make(state, waiting, runner, say, data_dir, skip_bad_images, strategy)
    return state


def summary(planned: Sequence[Planned], waiting: Sequence[Planned], fields: Sequence[str], store: Store) -> str:
    """What a sweep will do, in one line."""
    stages = {step.key for point in waiting for step in point.plan.steps}
    missing = sum(store.find(key) is None for key in stages)
    before = len(planned) - len(waiting)
    return (
        f"{len(planned)} points of {' x '.join(fields)}: {f'{before} finished before, ' * (before > 0)}"
        f"{len(waiting)} to go, with {missing} stages to make "
        f"({sum(len(point.plan.steps) for point in waiting)} if nothing were shared)"
    )


def _make(
    state: State,
    waiting: list[Planned],
    runner: Runner,
    say: Callable[[str], None],
    data_dir: Path | None,
    skip_bad_images: bool,
    strategy: str | None,
) -> None:
    def has(key: str) -> bool:
        return state.store.find(key) is not None

    count, store = len(state.planned), state.store.root.resolve()
    limit = state.store.outputs.limit_bytes
    running: dict[int, Planned] = {}
    while waiting or running:
        if not running:
            state.measure(say)
        while runner.has_room and (point := scheduler.next_point(waiting, list(running.values()), has)):
            waiting.remove(point)
            number = point.number
            running[number] = point
            say(f"point {number} of {count}: {point.name}")
            runner.start(
                Job(number, point.plan.pipeline, point.keys, store, limit, data_dir, skip_bad_images, strategy)
            )
        for number, message in runner.wait(POLL_S):
            if isinstance(message, str):
                say(f"point {number} | {message}")
                continue
            outcome = message
            ended = [running.pop(number)]
            state.record_outcome(ended[0], outcome)
            if outcome.failed_stage_key:
                alike = [point for point in waiting if outcome.failed_stage_key in point.keys]
                for point in alike:
                    waiting.remove(point)
                    state.record_outcome(point, Outcome(cause=f"as point {number}: {outcome.cause}"))
                ended += alike
            left = [*running.values(), *waiting]
            for point in ended:
                say(state.line_about(point))
            seconds = scheduler.seconds_left(left, has, list(state.runs.values()), runner.at_once)
            if left:
                say(f"{count - len(left)} of {count} points ended" + (f", {duration(seconds)} left" if seconds else ""))
    state.measure(say)
