"""On how many devices and machines a training runs (``tf.distribute``), and what its workers tell one another.

Cheap to import; TensorFlow is loaded where a strategy is made.
"""

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from compress.errors import Failure, UserError, first_line
from compress.training.settings import Training

PATIENCE_S = 300.0
"""How long the other workers are waited for at the start."""
LOST = (
    "was the same command started on every worker? start it again on all of them: it goes on at the last finished epoch"
)


@dataclass(frozen=True)
class Strategy:
    """``distribute`` is TensorFlow's; None trains on one device, as ever. Worker 0, the chief, alone writes results."""

    distribute: Any = None
    worker: int = 0
    workers: int = 1

    @property
    def is_chief(self) -> bool:
        return self.worker == 0

    @property
    def replicas(self) -> int:
        """How many parts a batch is divided into."""
        return 1 if self.distribute is None else int(self.distribute.num_replicas_in_sync)

    def said(self) -> str:
        """What it trains on, in a line."""
        devices = f"{self.replicas} replicas, which share each batch"
        if self.workers > 1:
            return f"worker {self.worker} of {self.workers}{' (the chief)' * self.is_chief}: {devices}"
        if self.replicas == 1:
            return "note: TensorFlow sees only one device here, so --strategy has no effect"
        return f"training on {devices}"

    def from_chief(self, compute: Callable[[], Any]) -> Any:
        """What ``compute()`` gives on the chief, as JSON carries it, on every worker; it is called there alone.

        The others wait for it, however long it takes; where the chief ends meanwhile, they end with a Failure. So it is
        a meeting, too: nobody is behind it before all have come to it. A UserError or Failure of the chief's is raised
        on every worker.
        """
        if self.workers == 1:
            return compute()
        told: dict[str, Any] = {}
        error: Exception | None = None
        if self.is_chief:
            try:
                told["value"] = compute()
            except (UserError, Failure) as refused:
                error = refused
                told["refused" if isinstance(refused, UserError) else "failed"] = str(refused)
        with self.lost_workers_told():
            told = json.loads(_sent(self.distribute, json.dumps(told).encode() if self.is_chief else b""))
        if error is not None:
            raise error
        if "value" not in told:
            raise UserError(told["refused"]) if "refused" in told else Failure(told["failed"])
        return told["value"]

    def agree(self, problem: str) -> None:
        """Raises UserError on every worker if one of them has a problem; its own is told by each, in a line."""
        if self.workers == 1:
            marks = [bool(problem)]
        else:
            import numpy as np

            own = np.zeros(self.workers, np.int32)
            own[self.worker] = bool(problem)
            with self.lost_workers_told():
                marks = (_summed(self.distribute, own) > 0).tolist()
        if problem:
            raise UserError(problem)
        if any(marks):
            raise UserError(f"worker {marks.index(True)} cannot take part; see its own error message")

    def check(self, training: Training) -> None:
        """Raises UserError for a training that cannot be divided; before anything is trained."""
        if training.batch_size < self.replicas:
            raise UserError(
                f"batch_size = {training.batch_size} is shared by {self.replicas} replicas and must be at least "
                "that number"
            )

    def check_network(self, network: Any) -> None:
        """Raises UserError for a layer that cannot be replicated."""
        if self.distribute is not None:
            from compress.training.replicate import refuse

            refuse(network)

    @contextmanager
    def lost_workers_told(self) -> Iterator[None]:
        """What TensorFlow raises inside because a worker is gone becomes a Failure of one line."""
        if self.workers == 1:
            yield
            return
        from compress.keras import tf

        errors = tf.errors
        try:
            yield
        except (errors.UnavailableError, errors.AbortedError, errors.CancelledError, errors.InternalError) as error:
            raise Failure(f"a worker of the cluster was lost ({_cause(error)}): {LOST}") from error


ONE_DEVICE = Strategy()


def strategy_called(name: str | None) -> Strategy:
    """The strategy of that name, ready to train; None is one device. Raises UserError for what cannot work.

    Call it before anything else of TensorFlow's: a worker of several cannot be made later.
    """
    if name is None:
        return ONE_DEVICE
    return STRATEGIES[name]()


def _mirrored() -> Strategy:
    from compress.keras import tf

    made = tf.distribute.MirroredStrategy()
    return Strategy(made) if made.num_replicas_in_sync > 1 else ONE_DEVICE


@dataclass(frozen=True)
class Cluster:
    """What TF_CONFIG says: "host:port" of each worker, the chief first, and which of them this process is."""

    addresses: tuple[str, ...]
    own: int


def read_cluster(text: str | None) -> Cluster:
    """TF_CONFIG as TensorFlow documents it. Raises UserError for one that says no cluster of workers."""
    if not text:
        raise UserError(
            "--strategy multi_worker needs TF_CONFIG on every worker, such as TF_CONFIG='"
            '{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 0}}\''
        )
    try:
        told = json.loads(text)
        jobs, task = dict(told["cluster"]), told["task"]
        addresses = [
            (job, number, str(at)) for job in ("chief", "worker") for number, at in enumerate(jobs.pop(job, ()))
        ]
        own = (str(task["type"]), int(task["index"]))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(
            f"TF_CONFIG does not have the format that TensorFlow documents: {type(error).__name__}: {error}"
        ) from error
    if jobs:
        raise UserError(
            "TF_CONFIG: --strategy multi_worker supports the task types chief and worker, not "
            f"{', '.join(sorted(jobs))}"
        )
    names = [(job, number) for job, number, _ in addresses]
    if own not in names:
        raise UserError(f"TF_CONFIG: the task {own[0]} {own[1]} is not in the cluster")
    places = tuple(at for _, _, at in addresses)
    for at in places:
        if not at.rpartition(":")[0] or not at.rpartition(":")[2].isdecimal():
            raise UserError(f"TF_CONFIG: {at!r} is not an address such as 10.0.0.1:2222")
    if len(set(places)) < len(places):
        raise UserError("TF_CONFIG: two workers have the same address")
    return Cluster(places, names.index(own))


def _multi_worker() -> Strategy:
    cluster = read_cluster(os.environ.get("TF_CONFIG"))
    # the lines of TensorFlow's C++ about a worker that is lost are many; ours is one
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    meet(cluster, PATIENCE_S)
    from compress.keras import tf

    try:
        with sigterm_kept():
            made = tf.distribute.MultiWorkerMirroredStrategy()
        check_devices(cluster, len(made.extended.worker_devices))
    except RuntimeError as error:  # "Collective ops must be configured at program startup"
        raise UserError(
            "--strategy multi_worker must be chosen before TensorFlow has computed anything: start a new process"
        ) from error
    except tf.errors.OpError as error:
        raise Failure(f"the workers could not connect to one another: {first_line(error)}") from error
    return Strategy(made, cluster.own, len(cluster.addresses))


def check_devices(cluster: Cluster, own: int) -> None:
    """Raises UserError on every worker where not all have as many devices: TensorFlow takes it for granted.

    Call it where TensorFlow's workers have met.
    """
    from tensorflow.python.eager import context

    told = context.context()  # its coordination service keeps texts by name, for all workers
    told.set_config_key_value(f"jetslim/devices/{cluster.own}", str(own))
    names = [f"jetslim/devices/{number}" for number in range(len(cluster.addresses))]
    counts = [told.get_config_key_value(name, int(1000 * PATIENCE_S)) for name in names]
    if len(set(counts)) > 1:
        raise UserError(
            f"all workers must have the same number of devices, and theirs are {', '.join(counts)} (worker 0 first): "
            "let CUDA_VISIBLE_DEVICES name as many GPUs on each"
        )


@contextmanager
def sigterm_kept() -> Iterator[None]:
    """SIGTERM does afterwards what it did before.

    TensorFlow's coordination service takes it for the notice of a preemption (its ``preemption_notifier.cc``): its
    handler only tells this to those who ask the service, which is nobody here, and the process would go on to its end.
    """
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None:  # a handler that is not Python's cannot be put back
            signal.signal(signal.SIGTERM, before)  # also where Python knows of no change: C++ made it


def meet(cluster: Cluster, patience_s: float) -> None:
    """Waits until somebody listens at the address of every worker; TensorFlow itself would wait for an hour.

    Raises UserError that names those who are not there after so many seconds, and for an own port that is taken.
    """
    end = time.monotonic() + patience_s
    port = int(cluster.addresses[cluster.own].rpartition(":")[2])
    with socket.socket() as own:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            own.bind(("", port))
        except OSError as error:
            raise UserError(f"TF_CONFIG: port {port} of this worker cannot be used: {error.strerror}") from error
        own.listen(len(cluster.addresses))
        missing = [at for number, at in enumerate(cluster.addresses) if number != cluster.own]
        while missing := [at for at in missing if not _answers(at)]:
            if time.monotonic() > end:
                raise UserError(
                    f"no worker answers at {', '.join(missing)} after {patience_s:g} s: "
                    "start the same command there, too, with its own TF_CONFIG"
                )
            time.sleep(0.2)


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with suppress(OSError):
        socket.create_connection((host.strip("[]"), int(port)), timeout=2).close()
        return True
    return False


def _cause(error: Exception) -> str:
    """The part of TensorFlow's many lines that says what happened."""
    lines = [line.strip() for line in str(error).splitlines() if "aborted by" in line]
    return lines[0].partition("aborted by:")[2].strip()[:160] if lines else first_line(error)[:160]


def _sent(distribute: Any, content: bytes) -> bytes:
    """The chief's bytes, on every worker, by a sum to which the others add zeros."""
    import numpy as np

    length = int(_summed(distribute, np.array([len(content)], np.int64))[0])
    values = np.zeros(length, np.int32)
    values[: len(content)] = np.frombuffer(content, np.uint8)
    return bytes(_summed(distribute, values).astype(np.uint8))


def _summed(distribute: Any, values: Any) -> Any:
    """The sum of the arrays of all workers."""
    import numpy as np

    from compress.keras import tf

    def add() -> Any:
        here = tf.distribute.get_replica_context()
        number = int(tf.get_static_value(here.replica_id_in_sync_group))
        is_first = number % len(distribute.extended.worker_devices) == 0  # of several devices here, one tells it
        own = tf.constant(values if is_first else np.zeros_like(values))
        return here.all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(own))

    result = tf.function(lambda: distribute.run(add))()
    return distribute.experimental_local_results(result)[0].numpy()


STRATEGIES = {"mirrored": _mirrored, "multi_worker": _multi_worker}
