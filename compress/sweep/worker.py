"""What one point costs: its missing stages, made in whatever process this is called in, one point after another."""

import gc
import os
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from io import StringIO
from pathlib import Path

from rich.console import Console

from compress import keras
from compress.artifacts import Store
from compress.clock import Clock
from compress.datasets import Dataset, DatasetConfig
from compress.errors import Failure, UserError, first_line
from compress.pipeline import Networks, Pipeline, load_libraries, look_ahead, machine, make, plan
from compress.progress import Progress
from compress.stages import Unfaithful
from compress.training import Diverged, strategy_called

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Job:
    """A point as a worker gets it."""

    number: int
    pipeline: Pipeline
    keys: tuple[str, ...]
    """What it will make, as planned by who sends it."""
    store: Path
    cache_limit_bytes: float
    """Of the teachers' outputs in the store."""
    data_dir: Path | None
    skip_bad_images: bool
    strategy: str | None = None
    """On what each training of the point runs; see ``jetslim run --strategy``."""


@dataclass(frozen=True)
class Outcome:
    """What became of a job; ``cause`` is empty, or one line that says why it failed."""

    was_there: dict[str, bool] = field(default_factory=dict)
    """Key of each artifact that the point needs -> whether it was in the store before."""
    seconds: dict[str, float] = field(default_factory=dict)
    """An account (pipeline.machine)."""
    cause: str = ""
    failed_stage_key: str = ""
    """The key of a stage whose training or export went wrong: it would for every other point, too."""
    traceback: str = ""
    """Of a cause that nobody foresaw."""


def make_point(job: Job, tell: Tell) -> Outcome:
    """Makes what the job's pipeline lacks; ``tell`` is given the lines of its progress. Raises nothing but Ctrl-C."""
    clock, start, store = Clock(), time.perf_counter(), Store(job.store, job.cache_limit_bytes)
    was_there: dict[str, bool] = {}
    cause = failed_stage_key = unforeseen = ""
    try:
        with clock("import"):
            warm_up()
        with clock("data"):
            dataset = _data(job.pipeline.data, job.data_dir, job.skip_bad_images)
        planned = plan(job.pipeline, dataset)
        if planned.keys != job.keys:
            raise Failure("data, jetslim or TensorFlow on this node differ from those where the sweep was started")
        progress = ForwardedProgress(tell)
        networks = Networks(planned, store, clock, progress)
        strategy = strategy_called(job.strategy)
        look_ahead(planned, store, networks, progress, clock, strategy=strategy)
        try:
            artifacts = make(planned, store, networks, progress, clock, strategy=strategy)
        except (Diverged, Unfaithful):
            failed_stage_key = next((key for key in job.keys if store.find(key) is None), "")
            raise
        was_there = {key: before for key, (_, before) in artifacts.items()}
    except (UserError, Failure) as error:
        cause = " ".join(str(error).split())
    except Exception as error:
        cause, unforeseen = f"{type(error).__name__}: {first_line(error)}", traceback.format_exc()
    return Outcome(was_there, machine.account(clock, time.perf_counter() - start), cause, failed_stage_key, unforeseen)


def warm_up() -> None:
    """Loads TensorFlow, once a process."""
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # else the first of several workers takes all of a GPU
    load_libraries()


def clean_up() -> None:
    """Forgets the networks of the last point: Keras keeps every graph of a process, and names layers on and on."""
    keras.backend.clear_session()
    gc.collect()


class ForwardedProgress(Progress):
    """Progress whose lines are told to another process; a line an epoch, no bar."""

    def __init__(self, tell: Tell) -> None:
        super().__init__(Console(file=StringIO()))
        self._tell = tell

    def say(self, text: str) -> None:
        self._tell(text)


@lru_cache(maxsize=4)
def _data(source: DatasetConfig, data_dir: Path | None, skip_bad_images: bool) -> Dataset:
    return source.load(data_dir, skip_bad_images)
