"""A pipeline of a study, run and kept as a raw result."""

import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from compress.artifacts import Store
from compress.clock import Clock
from compress.datasets import Dataset, DatasetConfig
from compress.pipeline import Pipeline, plan, read_pipeline
from compress.pipeline import run as run_plan
from compress.sweep.worker import clean_up
from compress.training import Progress


def measure(
    kept: Path, file: Path, work: Path, settings: Sequence[str], seed: int, data_dir: Path | None = None
) -> None:
    """Runs the pipeline of ``file`` in ``work`` and keeps its run.json as ``kept``, if that is not there."""
    if kept.exists():
        print(f"{kept.name} is there", flush=True)
        return
    pipeline = read_pipeline(str(file), settings, seed)
    measure_in(kept, pipeline, work / "runs" / kept.stem, work / "store", data_dir)


def measure_in(kept: Path, pipeline: Pipeline, runs: Path, store: Path, data_dir: Path | None = None) -> None:
    """Runs a pipeline with its view in ``runs`` and keeps its run.json as ``kept``."""
    clock, progress = Clock(), Progress()
    try:
        run_plan(plan(pipeline, dataset(pipeline.data, data_dir)), Store(store), runs, progress, clock)
    finally:
        progress.stop()
        clean_up()
    kept.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(runs / pipeline.name / "run.json", kept)
    print(kept.name, flush=True)


@cache
def dataset(data: DatasetConfig, data_dir: Path | None) -> Dataset:
    """The data set, read once a process."""
    return data.load(data_dir)
