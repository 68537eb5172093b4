"""A pipeline of a study, run and kept as a raw result."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from compress.artifacts import Store
from compress.clock import Clock
from compress.pipeline import plan, read_pipeline
from compress.pipeline import run as run_plan
from compress.training import Progress


def measure(
    kept: Path, file: Path, work: Path, settings: Sequence[str], seed: int, data_dir: Path | None = None
) -> None:
    """Runs the pipeline of ``file`` in ``work`` and keeps its run.json as ``kept``, if that is not there."""
    if kept.exists():
        print(f"{kept.name} is there", flush=True)
        return
    pipeline, clock, progress = read_pipeline(str(file), settings, seed), Clock(), Progress()
    runs = work / "runs" / kept.stem
    try:
        run_plan(plan(pipeline, pipeline.data.load(data_dir)), Store(work / "store"), runs, progress, clock)
    finally:
        progress.stop()
    kept.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(runs / pipeline.name / "run.json", kept)
    print(kept.name, flush=True)
