"""What a pipeline will do: stages linked to what they read, each with the key of what it will make."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from compress import config, models
from compress.artifacts import content_key, modules_of, source_hash
from compress.datasets import DATASETS, Dataset
from compress.errors import UserError, unknown
from compress.evaluate import task_of
from compress.pipeline.load_pipeline import Pipeline
from compress.results import FACTS_SCHEMA
from compress.stages import Export, Stage
from compress.stages.network import NetworkStage
from compress.tasks import TASKS, Task

VERSIONS = ("tensorflow", "tf_keras", "tensorflow-model-optimization")
GIVEN_BY = "compress.pipeline.context"  # what a stage is given to work with; by name, as it imports this module


@dataclass(frozen=True)
class Step:
    """A stage, the steps and folders that it reads, and all that decides what it makes."""

    stage: Stage
    input: "Step | None"
    teachers: "tuple[Step | Path, ...]"
    provenance: dict[str, Any]

    @cached_property
    def key(self) -> str:
        """Names the artifact: equal for whatever makes the same."""
        return content_key(self.provenance)

    @property
    def inputs(self) -> "Iterator[Step]":
        """The inputs before this step, teachers left out, the nearest first."""
        step = self.input
        while step is not None:
            yield step
            step = step.input


@dataclass(frozen=True)
class Plan:
    """``exports[name]`` is how a stage's network is converted and measured; the last stage may be one of them."""

    pipeline: Pipeline
    dataset: Dataset
    task: Task
    """Fitted to the data set."""
    steps: tuple[Step, ...]
    exports: dict[str, Step]

    @property
    def keys(self) -> tuple[str, ...]:
        """Of all that the plan makes, in that order: each step, then how it is measured."""
        parts = (part for step in self.steps for part in (step, self.exports[step.stage.name]))
        return tuple(dict.fromkeys(part.key for part in parts))


@dataclass(frozen=True)
class _Link:
    """A stage with the names and folders that it reads filled in."""

    stage: Stage
    input: "_Link | None"
    teachers: "tuple[_Link | Path, ...]"

    @property
    def chain(self) -> "Iterator[_Link]":
        """This link and the inputs before it, teachers left out."""
        link: _Link | None = self
        while link is not None:
            yield link
            link = link.input


def links(pipeline: Pipeline) -> dict[str, _Link]:
    """The stages by name, linked to what they read, in order. Raises UserError for what cannot work on any data."""
    linked: dict[str, _Link] = {}
    for stage in pipeline.stages:
        with _named(stage):
            if stage.name in linked:
                raise UserError("two stages have this name: rename one of them")
            stage.check()
            link = _link(stage, linked)
            if link.input is not None:
                stage.check_input(link.input.stage)
            _check_order(link)
            _check_method(link)
        linked[stage.name] = link
    return linked


def plan(pipeline: Pipeline, dataset: Dataset) -> Plan:
    """The steps with the keys of what they will make. Raises UserError for what cannot work; writes nothing."""
    pipeline.data.augmentation.check(dataset)
    linked = links(pipeline)
    task = task_for(pipeline, dataset, networks(linked))
    steps: dict[str, Step] = {}
    exports: dict[str, Step] = {}
    for name, link in linked.items():
        with _named(link.stage):
            link.stage.check_data(dataset)
            link.stage.check_augmentation(pipeline.data.augmentation)
            link.stage.check_task(task)
        steps[name] = step = _step(link, steps, pipeline, dataset, task)
        if link.stage.is_final:
            exports[name] = step
        else:
            export = _Link(Export(name=name, input=name), link, ())
            exports[name] = _step(export, steps, pipeline, dataset, task)
    return Plan(pipeline, dataset, task, tuple(steps.values()), exports)


@contextmanager
def _named(stage: Stage) -> Iterator[None]:
    try:
        yield
    except UserError as error:
        raise UserError(f"[[stage]] {stage.name!r}: {error}") from error


def _link(stage: Stage, earlier: dict[str, _Link]) -> _Link:
    source = None
    if stage.needs_input:
        if stage.input is None and not earlier:
            raise UserError(
                "is the first stage, so it needs model or saved_model"
                if stage.takes_network
                else f"{stage.kind} needs a network from an earlier stage: put one before it"
            )
        source = _earlier(stage.input or list(earlier)[-1], earlier, "input")
        stage = replace(stage, input=source.stage.name)
    return _Link(stage, source, tuple(_teacher(name, earlier) for name in getattr(stage, "teachers", ())))


def _step(link: _Link, steps: dict[str, Step], pipeline: Pipeline, dataset: Dataset, task: Task) -> Step:
    stage = link.stage
    source = steps[link.input.stage.name] if link.input else None
    teachers = tuple(t if isinstance(t, Path) else steps[t.stage.name] for t in link.teachers)
    own = {key: value for key, value in config.as_dict(stage).items() if key not in stage.NOT_IN_KEY}
    pixels = pipeline.pixels if stage.files or any(isinstance(teacher, Path) for teacher in teachers) else None
    provenance = {
        "config": own,
        "input": source.key if source else None,
        "teachers": [teacher.key if isinstance(teacher, Step) else content(teacher) for teacher in teachers],
        "files": [content(Path(path)) for path in stage.files],
        "data": {
            "fingerprint": dataset.fingerprint,
            "augmentation": config.as_dict(pipeline.data.augmentation),
            **({} if pixels is None else {"pixels": pixels.name}),
        },
        "task": config.as_dict(task),
        "seed": pipeline.seed,
        "facts_schema": FACTS_SCHEMA,
        "versions": {name: version(name) for name in VERSIONS},
        "source": source_hash(*modules_of(stage), *modules_of(task), *readers(pipeline, dataset), GIVEN_BY),
    }
    return Step(stage, source, teachers, provenance)


def task_for(pipeline: Pipeline, dataset: Dataset, networks: Iterable[Path]) -> Task:
    """The pipeline's task, or else the data set's, fitted; what the outputs of ``networks``, which exist, are read with
    is that of their training. Raises UserError where the targets are not its kind, or the networks differ in that.
    """
    task: Any = pipeline.task if pipeline.task is not None else TASKS[dataset.task]()
    made = [(path, told) for path in networks if (told := task_of(path)) is not None and told.name == task.name]
    for setting in task.READ_WITH:
        asked = None if pipeline.task is None else getattr(task, setting)
        given = [("[task]", asked), *((str(path), getattr(told, setting)) for path, told in made)]
        known = [(where, value) for where, value in given if value is not None]
        for where, value in known[1:]:
            if value != known[0][1]:
                raise UserError(
                    f"the outputs of {where} are read with {setting} = {value}, but {known[0][0]} has {known[0][1]}: "
                    f"networks of one pipeline need the same {setting}"
                )
        if known:
            task = replace(task, **{setting: known[0][1]})
    fitted: Task = task.fitted(dataset)
    return fitted


def networks(linked: Mapping[str, _Link]) -> list[Path]:
    """The user's own networks that the stages start from or learn from."""
    own = [link.stage.saved_model for link in linked.values() if isinstance(link.stage, NetworkStage)]
    teachers = [teacher for link in linked.values() for teacher in link.teachers if isinstance(teacher, Path)]
    return [*(Path(path) for path in own if path is not None), *teachers]


def readers(pipeline: Pipeline, dataset: Dataset) -> tuple[str, ...]:
    """The modules that read the data: also where others than the file's [data] were given from Python."""
    return (DATASETS.get(dataset.name, type(pipeline.data)).__module__, *modules_of(pipeline.data))


def _earlier(name: str, earlier: dict[str, _Link], what: str) -> _Link:
    if name not in earlier:
        raise (
            unknown(f"{what} stage", name, earlier)
            if earlier
            else UserError(f"{what} {name!r}: there is no earlier stage in the file")
        )
    if earlier[name].stage.is_final:
        raise UserError(
            f"{what} {name!r} is an {earlier[name].stage.kind} stage, which gives no network to continue from"
        )
    return earlier[name]


def _teacher(name: str, earlier: dict[str, _Link]) -> _Link | Path:
    if name in earlier:
        return _earlier(name, earlier, "teacher")
    if (Path(name) / "saved_model.pb").is_file() or Path(name).is_file():
        return Path(name)
    if Path(name).exists():
        raise UserError(f"teacher {name} is not a SavedModel: it has no saved_model.pb")
    raise UserError(
        f"teacher {name!r} is neither an earlier stage ({', '.join(earlier) or 'there is none'}) "
        "nor the path of a network (a SavedModel's folder, .keras, .h5)"
    )


def _check_order(step: _Link) -> None:
    """Nothing trains on from a quantized network: its magnitudes tie on the int8 grid, and masks would be lost. And
    nothing trains on targets of which a stage before had to learn from a part alone."""
    if step.stage.is_final:
        return
    for before in list(step.chain)[1:]:
        if before.stage.has_weak_labels and step.stage.trains and not step.stage.has_weak_labels:
            raise UserError(
                f"{step.stage.kind} would train on the boxes in the data, but {before.stage.name!r} learns from "
                'classes alone: give no stage after it that trains; quantize does not with mode = "static"'
            )
        if before.stage.quantizes:
            raise UserError(
                f"{step.stage.kind} after {before.stage.kind} ({before.stage.name!r}) is not possible: put "
                f"{before.stage.kind} last, just before export"
            )


def _check_method(step: _Link) -> None:
    names = [_model_name(teacher) if isinstance(teacher, _Link) else None for teacher in step.teachers]
    step.stage.check_teachers(names, _model_name(step))


def _model_name(step: _Link) -> str | None:
    """The name of the network that the step trains, where it is from the registry."""
    name = next((link.stage.network_name for link in step.chain if not link.stage.needs_input), None)
    return name if name in models.MODELS else None


def content(path: Path) -> str:
    """SHA-256 of a file, or of all files below a folder and their names."""
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    digest = sha256()
    for file in files:
        digest.update(str(file.relative_to(path)).encode() + b"\0" + sha256(file.read_bytes()).digest())
    return digest.hexdigest()
