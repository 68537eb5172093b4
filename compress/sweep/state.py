"""What is known of a sweep's points: their results and the tables, as they come."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compress import report
from compress.artifacts import Store
from compress.artifacts.files import replace, seal, write_json
from compress.clock import Clock
from compress.errors import Failure, UserError, first_line
from compress.pipeline import Made, latencies, results, run_folder
from compress.pipeline.machine import account
from compress.progress import duration
from compress.report.format import megabytes
from compress.results import Metric, Run, as_json
from compress.sweep import table
from compress.sweep.plan import Planned
from compress.sweep.worker import Outcome

TRACEBACK = "traceback.txt"
LOOK_S = 0.5  # between two looks into a folder of a network
NETWORK_FOLDER_S = 60.0  # an NFS client may take so long to see what another one wrote
DAMAGED = (UserError, Failure, FileNotFoundError, ValueError, EOFError, KeyError)  # what reading an artifact may raise


@dataclass
class State:
    """What is known of a sweep's points, by their numbers, and its files below ``folder``."""

    planned: Sequence[Planned]
    fields: Sequence[str]
    folder: Path
    store: Store
    runs: dict[int, Run] = field(default_factory=dict)
    """Results of the points that are made; without latency until that is measured."""
    causes: dict[int, str] = field(default_factory=dict)
    """Of the points that failed."""
    _unmeasured: list[tuple[Planned, Made]] = field(default_factory=list)

    def record_if_made(self, point: Planned) -> bool:
        """Takes down a point whose stages are all in the store: of a sweep that was stopped before it was measured.

        False if one is missing.
        """
        artifacts = {key: (artifact, True) for key in point.keys if (artifact := self.store.find(key)) is not None}
        if len(artifacts) < len(point.keys):
            return False
        self._record_made(point, artifacts, account(Clock(), 0.0))
        return True

    def record_outcome(self, point: Planned, outcome: Outcome) -> None:
        """Takes down what became of a point."""
        cause, artifacts = outcome.cause, {}
        if not cause:
            artifacts = self._visible_artifacts(point, outcome)
            if len(artifacts) < len(point.keys):
                cause = f"what it made is not in {self.store.root} as seen from here: a cluster must share that folder"
        if outcome.traceback:
            cause += f" ({replace(self.folder / point.name / TRACEBACK, outcome.traceback)})"
        if cause:
            self.causes[point.number] = cause
        else:
            self._record_made(point, artifacts, outcome.seconds)
        self.write()

    def _record_made(self, point: Planned, artifacts: Made, seconds: Mapping[str, float]) -> None:
        (self.folder / point.name / TRACEBACK).unlink(missing_ok=True)  # of an earlier try
        try:
            self.runs[point.number] = results(point.plan, artifacts, {}, seconds)
            self._unmeasured.append((point, artifacts))
        except DAMAGED as error:
            self.causes[point.number] = f"what it made cannot be read, delete it: {first_line(error)}"

    def measure(self, say: Callable[[str], None]) -> None:
        """Measures what has no latency yet and finishes those points; call it while no point is being made."""
        if self._unmeasured:
            count = len(self._unmeasured)
            say("measuring latency on this host" + (f", of {count} points" if count > 1 else ""))
        while self._unmeasured:
            point, artifacts = self._unmeasured[0]
            try:
                self._finish(point, artifacts)
            except DAMAGED as error:  # deleted meanwhile, say
                del self.runs[point.number]
                self.causes[point.number] = f"it was made, but cannot be measured: {first_line(error)}"
                say(self.line_about(point))
            del self._unmeasured[0]
            self.write()

    def _finish(self, point: Planned, artifacts: Made) -> None:
        """Measures a point and writes its folder."""
        run, clock = self.runs[point.number], Clock()
        with clock("latency"):
            measured = latencies(point.plan, self.store, artifacts)
        spent = round(clock.seconds["latency"], 2)
        seconds = {**run.seconds, "wall": round(run.seconds["wall"] + spent, 2), "latency": spent}
        run = self.runs[point.number] = results(point.plan, artifacts, measured, seconds)
        folder = self.folder / point.name
        for number, step in enumerate(point.plan.steps, start=1):
            run_folder.link(folder, number, step.stage.name, artifacts[step.key][0].path)
        run_folder.drop_after(folder, len(point.plan.steps))
        report.write(run, folder, plotted=False)  # plots of all points would take longer than some points
        write_json(folder / "run.json", seal(as_json(run)))  # the last file: the point is finished

    def line_about(self, point: Planned) -> str:
        """What became of a point, in a line."""
        name = f"point {point.number} of {len(self.planned)}"
        if point.number in self.causes:
            return f"{name} failed: {self.causes[point.number]}"
        run = self.runs[point.number]
        last, metric = run.stages[-1], run.first_metric
        size = min(size for size in (last.tflite_bytes, last.sparse_tflite_bytes) if size is not None)
        score = metric.text(last.metrics[metric.key] or 0.0)
        return f"{name} is made in {duration(run.seconds['wall'])}: {metric.title} {score}, {megabytes(size)}"

    @property
    def metrics(self) -> dict[str, Metric]:
        """How what the task measures is shown, by key."""
        return table.metrics_of(list(self.runs.values()))

    def rows(self) -> list[dict[str, Any]]:
        return table.rows([planned.point for planned in self.planned], self.fields, self.runs, self.causes)

    def write(self) -> None:
        """Writes the tables of what is known so far."""
        rows = self.rows()
        replace(self.folder / "sweep.csv", table.csv_text(rows, self.fields))
        text = table.markdown(rows, self.fields, self.metrics)
        if self.runs:
            text += f"\n{report.table.latency_note(next(iter(self.runs.values())))}\n"
        replace(self.folder / "sweep.md", text)

    def _visible_artifacts(self, point: Planned, outcome: Outcome) -> Made:
        """The artifacts of a point that are seen here, at once or when a network folder shows them."""
        until = time.monotonic() + NETWORK_FOLDER_S
        while True:
            artifacts = {
                key: (artifact, before)
                for key, before in outcome.was_there.items()
                if (artifact := self.store.find(key)) is not None
            }
            if len(artifacts) == len(outcome.was_there) or time.monotonic() > until:
                return artifacts
            if (self.store.root / "artifacts").is_dir():
                os.listdir(self.store.root / "artifacts")  # makes an NFS client look again
            time.sleep(LOOK_S)
