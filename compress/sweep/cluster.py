"""Points as tasks of a Ray cluster whose nodes share the store's folder (jetslim[ray]).

Scheduling, retries after a lost process or node, and resources are Ray's own.
"""

import contextlib
import logging
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compress.errors import Failure, UserError, first_line
from compress.sweep.load_sweep import Resources
from compress.sweep.local import Message
from compress.sweep.worker import Job, Outcome, clean_up, make_point

PATIENCE_S = 5.0  # for an answer


class Cluster:
    """A connection to the cluster at ``address``, as ``ray.init`` takes it. Loads Ray."""

    def __init__(self, address: str, resources: Resources) -> None:
        self._address, self._resources = address, resources
        self._jobs: dict[Any, Job] = {}
        self._said: list[Message] = []

    def __enter__(self) -> "Cluster":
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no call home, should this start a cluster
        try:
            import ray
        except ImportError as error:
            raise UserError("--ray needs Ray: pip install 'jetslim[ray]'") from error
        self._ray = ray
        _knock(self._address)
        try:
            ray.init(self._address, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
            raise UserError(f"cannot join a Ray cluster at {self._address}: {first_line(error)}") from error
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=True
        )
        self._lines: Any = ray.remote(Lines).options(num_cpus=0, max_restarts=-1, scheduling_strategy=here).remote()
        self._task = ray.remote(task)
        return self

    def __exit__(self, *_: object) -> None:
        self._ray.shutdown()  # what still runs of ours is ended by Ray

    @property
    def has_room(self) -> bool:
        """Ray queues what it has no room for."""
        return True

    @property
    def at_once(self) -> int:
        """How many points the cluster has room for now, at least 1."""
        return max(1, sum(self._room(node) for node in self._nodes()))

    def _nodes(self) -> list[dict[str, float]]:
        return [node["Resources"] for node in self._ray.nodes() if node["Alive"]]

    def _room(self, have: Mapping[str, float]) -> int:
        """How many points a node with these resources takes at a time."""
        wanted = {"CPU": self._resources.num_cpus, "GPU": self._resources.num_gpus}
        return min((int(have.get(name, 0) // count) for name, count in wanted.items() if count), default=1)

    def start(self, job: Job) -> None:
        """Submits the job."""
        if not self._jobs and not any(self._room(node) for node in self._nodes()):  # an autoscaled one may yet get one
            wanted = f"num_cpus = {self._resources.num_cpus:g}, num_gpus = {self._resources.num_gpus:g}"
            self._said.append((job.number, f"no node of the cluster has {wanted}: it waits for one"))
        chosen = self._task.options(name=f"point {job.number}", **vars(self._resources))
        self._jobs[chosen.remote(job, os.getcwd(), self._lines)] = job

    def wait(self, seconds: float) -> list[Message]:
        """What the points have said since, after at most so many seconds."""
        try:
            ended, _ = self._ray.wait(list(self._jobs), num_returns=1, timeout=seconds)
        except self._ray.exceptions.RayError as error:
            raise Failure(
                f"the connection to the Ray cluster at {self._address} was lost: {first_line(error)}"
            ) from error
        said, self._said = self._said, []
        with contextlib.suppress(self._ray.exceptions.RayError):  # only lines of progress: it is started anew
            said += self._ray.get(self._lines.take.remote(), timeout=10)
        return said + [self._ended(reference) for reference in ended]

    def _ended(self, reference: Any) -> Message:
        job = self._jobs.pop(reference)
        try:
            return job.number, self._ray.get(reference)
        except self._ray.exceptions.RayError as error:  # the process or the node died too often, or has no jetslim
            return job.number, Outcome(cause=f"{type(error).__name__}: {first_line(error)}")


def _knock(address: str) -> None:
    """Raises UserError where nobody answers at "host:port": Ray itself tries for minutes, and ends the process."""
    host, _, port = address.rpartition(":")
    if not port.isdecimal() or "://" in address:  # "auto", or Ray's own ways to write it
        return
    try:
        socket.create_connection((host, int(port)), PATIENCE_S).close()
    except OSError as error:
        raise UserError(f"cannot join a Ray cluster at {address}: {error.strerror or error}") from error


class Lines:
    """An actor: what tasks say, until the driver takes it."""

    def __init__(self) -> None:
        self._said: list[Message] = []

    def add(self, number: int, line: str) -> None:
        self._said.append((number, line))

    def take(self) -> list[Message]:
        said, self._said = self._said, []
        return said


def task(job: Job, folder: str, lines: Any) -> Outcome:
    """The job, in a process of a node; ``folder`` is what relative paths of the pipeline are relative to."""
    import ray

    def tell(line: str) -> None:
        lines.add.remote(job.number, line)

    tell(f"runs on {ray.util.get_node_ip_address()}")
    if not (job.store.is_dir() and Path(folder).is_dir()):
        missing = folder if job.store.is_dir() else job.store
        return Outcome(cause=f"{missing} is not on {ray.util.get_node_ip_address()}: the nodes must share it")
    os.chdir(folder)
    try:
        return make_point(job, tell)
    finally:
        clean_up()
