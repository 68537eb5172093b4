"""Every point's pipeline, read and planned before anything runs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from compress import pipeline
from compress.artifacts import Store
from compress.artifacts.files import seal
from compress.datasets import Dataset, DatasetConfig
from compress.errors import UserError
from compress.pipeline import Plan, machine
from compress.results import Run, parse
from compress.sweep.grid import Point
from compress.sweep.load_sweep import Sweep


@dataclass(frozen=True)
class Planned:
    """A point and what it will do."""

    point: Point
    plan: Plan

    @property
    def number(self) -> int:
        """The point's, from 1."""
        return self.point.number

    @property
    def name(self) -> str:
        """The point's, which is that of its folder, too."""
        return self.point.name

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Of all that it needs, in the order of making."""
        return self.plan.keys


def plan_points(
    sweep: Sweep, name: str, teacher: str | None, trained: bool, data_dir: Path | None, skip_bad_images: bool
) -> list[Planned]:
    """The points planned. Raises UserError, with the point, for the first that cannot work; each data set is read once.

    ``name``, ``teacher`` and ``trained`` are what the sweep was read with.
    """
    pipelines: list[pipeline.Pipeline] = []
    for point in sweep.points:
        try:
            pipelines.append(pipeline.read_pipeline(name, point.settings, point.seed, teacher, trained))
            pipeline.links(pipelines[-1])  # a mistake in any point shows before data are read, or downloaded
        except UserError as error:
            raise UserError(f"{point.name}: {error}") from error
    datasets: dict[DatasetConfig, Dataset] = {}
    planned = []
    for point, chosen in zip(sweep.points, pipelines, strict=True):
        try:
            if chosen.data not in datasets:
                datasets[chosen.data] = chosen.data.load(data_dir, skip_bad_images)
            planned.append(Planned(point, pipeline.plan(chosen, datasets[chosen.data])))
        except UserError as error:
            raise UserError(f"{point.name}: {error}") from error
    return planned


def finished(folder: Path, planned: Sequence[Planned], store: Store) -> dict[int, Run]:
    """The results of points that ended in an earlier run, by number: whole, of this machine, of the same stages, and
    all that they made is in the store."""
    here = (machine.describe(), machine.versions())
    runs = {}
    for point in planned:
        if any(store.find(key) is None for key in point.keys):
            continue
        try:
            content = json.loads((folder / point.name / "run.json").read_text())
            run = parse(content)
            if (
                content == seal(content)
                and run.settings == list(point.plan.pipeline.settings)
                and run.seed == point.plan.pipeline.seed
                and [stage.key for stage in run.stages] == [step.key for step in point.plan.steps]
                and (run.machine, run.versions) == here
            ):
                runs[point.number] = run
        except (OSError, ValueError, TypeError, AttributeError, UserError):
            continue  # not there, or no result of ours
    return runs
