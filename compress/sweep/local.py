"""Points in processes of this machine: each takes one point after another, and loads TensorFlow once."""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any

from compress.sweep.worker import Job, Outcome, clean_up, make_point, warm_up

Message = tuple[int, str | Outcome]
"""A point's number, and a line of its progress or what became of it."""

_SPAWN = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork


@dataclass
class _Worker:
    process: Any
    pipe: Any
    job: Job | None = None


class Processes:
    """``at_once`` workers; one that dies takes only its own point along, which is tried ``max_retries`` times more."""

    def __init__(self, at_once: int, max_retries: int) -> None:
        self.at_once = at_once
        self._max_retries = max_retries
        self._deaths: dict[int, int] = {}
        self._workers: list[_Worker] = []

    def __enter__(self) -> "Processes":
        self._workers = [_start_worker() for _ in range(self.at_once)]
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.process.kill()  # safe at any moment: the store never holds half of anything
        for worker in self._workers:
            worker.process.join()

    @property
    def has_room(self) -> bool:
        """Whether ``start`` may be called."""
        return any(worker.job is None for worker in self._workers)

    def start(self, job: Job) -> None:
        """Gives the job to an idle worker."""
        idle = [number for number, worker in enumerate(self._workers) if worker.job is None]
        self._give(idle[0], job)

    def wait(self, seconds: float) -> list[Message]:
        """What the points have said since, after at most so many seconds."""
        busy = {worker.pipe: number for number, worker in enumerate(self._workers) if worker.job is not None}
        messages: list[Message] = []
        for pipe in connection.wait(list(busy), seconds):
            number = busy[pipe]
            worker = self._workers[number]
            assert worker.job is not None
            try:
                message = worker.pipe.recv()
            except (EOFError, OSError):  # OSError: killed in the middle of a message
                messages.append(self._died(number, worker.job))
                continue
            messages.append((worker.job.number, message))
            if isinstance(message, Outcome):
                worker.job = None
        return messages

    def _give(self, number: int, job: Job) -> None:
        try:
            self._workers[number].pipe.send(job)
        except ConnectionError:  # it died while it was idle
            self._workers[number] = _start_worker()
            self._workers[number].pipe.send(job)
        self._workers[number].job = job

    def _died(self, number: int, job: Job) -> Message:
        process = self._workers[number].process
        process.join()
        how = (
            f"by {signal.Signals(-process.exitcode).name}" if process.exitcode < 0 else f"with code {process.exitcode}"
        )
        cause = f"its process ended {how}" + (" (no memory left?)" if process.exitcode == -signal.SIGKILL else "")
        deaths = self._deaths[job.number] = self._deaths.get(job.number, 0) + 1
        self._workers[number] = _start_worker()
        if deaths > self._max_retries:
            return job.number, Outcome(cause=f"{cause}, {deaths} times" if deaths > 1 else cause)
        self._give(number, job)
        return job.number, f"{cause}: it is started again"


def _start_worker() -> _Worker:
    ours, theirs = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_serve, args=(theirs,), daemon=True)
    # a terminal sends Ctrl-C to all processes: the workers ignore it from their first moment on, and are killed by us
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process.start()
    finally:
        signal.signal(signal.SIGINT, handler)
    theirs.close()  # so that its end is the pipe's end
    return _Worker(process, ours)


def _serve(pipe: Any) -> None:
    sys.stdout = sys.stderr  # standard output has the sweep's result alone; libraries print their downloads
    os.dup2(2, 1)  # code in C++, too
    _end_with_the_parent()
    warm_up()
    with contextlib.suppress(EOFError, ConnectionError):  # nobody listens any more
        while True:
            pipe.send(make_point(pipe.recv(), pipe.send))
            clean_up()


def _end_with_the_parent() -> None:
    """However the process that started this one ends, this one does not go on alone."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="parent").start()
