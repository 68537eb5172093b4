"""Runs a plan and writes its tables and report: what a command and a call from Python share."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from compress import report
from compress.artifacts import Store
from compress.artifacts.files import seal, write_json
from compress.clock import Clock
from compress.pipeline import Plan, machine, run
from compress.results import Run, as_json
from compress.training import ONE_DEVICE, Progress, Strategy


def notes(plan: Plan) -> list[str]:
    """What a user should know of the data and the file, a line each."""
    swept = ["the file's [sweep] table is for `jetslim sweep`, and left out here"] if plan.pipeline.has_sweep else []
    return [*plan.pipeline.notes, *plan.dataset.notes, *swept]


def carry_out(
    plan: Plan,
    store: Store,
    runs: Path,
    progress: Progress,
    clock: Clock,
    callbacks: Callable[[str], tuple[Any, ...]] = lambda stage: (),
    force: bool = False,
    strategy: Strategy = ONE_DEVICE,
) -> tuple[Run, list[Path]]:
    """Makes what the plan lacks, measures it, and writes everything into ``runs``; (its results, the files)."""
    for note in notes(plan):
        progress.say(f"note: {note}")
    try:
        results = run(plan, store, runs, progress, clock, callbacks, force, strategy)
        folder = runs / plan.pipeline.name
        with clock("report"):
            progress.doing("writing the report")
            written = report.write(results, folder)
    finally:
        progress.stop()
    results = replace(results, seconds=machine.account(clock))
    write_json(folder / "run.json", seal(as_json(results)))
    strategy.from_chief(lambda: None)  # the other workers stay until all is done
    return results, written
