"""A pipeline of a study, run and kept as a raw result."""

import os
import signal
import sys
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from compress.artifacts import Store
from compress.artifacts.files import replace
from compress.clock import Clock
from compress.datasets import Dataset, DatasetConfig
from compress.errors import Failure, UserError
from compress.pipeline import Pipeline, plan, read_pipeline
from compress.pipeline import run as run_plan
from compress.results import Run, read_run
from compress.sweep.worker import clean_up
from compress.training import Progress


def measure(
    kept: Path, file: Path, work: Path, settings: Sequence[str], seed: int, data_dir: Path | None = None
) -> None:
    """Runs the pipeline of ``file`` in ``work`` and keeps its run.json as ``kept``, if that is not there: of this seed,
    these settings and this pipeline, comments apart.

    Ends the process, with one line, where it cannot.
    """
    with ends_in_one_line():
        if kept.exists() and is_of(read_run(kept), file, settings, seed):
            print(f"{kept.name} is there", flush=True)
            return
        pipeline = read_pipeline(str(file), settings, seed)
        measure_in(kept, pipeline, work / "runs" / kept.stem, work / "store", data_dir)


def is_of(result: Any, file: Path, settings: Sequence[str], seed: int) -> bool:
    """Whether a raw result is that of the pipeline of ``file`` as it is today, comments apart."""
    if not isinstance(result, Run):
        return False
    now = (seed, list(settings), tomllib.loads(file.read_text()))
    return (result.seed, result.settings, tomllib.loads(result.config_toml)) == now


def measure_in(kept: Path, pipeline: Pipeline, runs: Path, store: Path, data_dir: Path | None = None) -> None:
    """Runs a pipeline with its view in ``runs`` and keeps its run.json as ``kept``."""
    clock, progress = Clock(), Progress()
    try:
        run_plan(plan(pipeline, dataset(pipeline.data, data_dir)), Store(store), runs, progress, clock)
    finally:
        progress.stop()
        clean_up()
    replace(kept, (runs / pipeline.name / "run.json").read_bytes())
    print(kept.name, flush=True)


@cache
def dataset(data: DatasetConfig, data_dir: Path | None) -> Dataset:
    """The data set, read once a process."""
    return data.load(data_dir)


@contextmanager
def ends_in_one_line() -> Iterator[None]:
    """Ends the process with one line: exit code 1 for what a user can mend and for a failure, 130 for Ctrl-C."""
    was_asked = False

    def interrupt(*_: object) -> None:
        nonlocal was_asked
        was_asked = True
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    except (UserError, Failure) as error:
        if not was_asked:
            sys.exit(f"error: {error}")
    finally:
        signal.signal(signal.SIGINT, before)
        if was_asked:  # whatever the interrupt became: what is broken off can raise any error
            print("\nStopped. The same command goes on where it was.", file=sys.stderr, flush=True)
            sys.stdout.flush()
            os._exit(130)  # not sys.exit: threads of TensorFlow may be busy for long
