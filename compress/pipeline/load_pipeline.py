"""Finds a pipeline's TOML by name or path and reads it into frozen, checked objects."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compress import config
from compress.datasets import DATASETS, DatasetConfig
from compress.distill import METHODS
from compress.errors import UserError, unknown
from compress.models import MODELS, peek
from compress.pipeline.report_settings import ReportSettings
from compress.pixels import Pixels, parse
from compress.stages import STAGES, Stage
from compress.tasks import TASKS, Task

PRESETS = Path(__file__).parents[1] / "presets"  # the repository's pipelines/, also in an installed wheel

KEYS = ("seed", "data", "task", "stage", "sweep", "report")


@dataclass(frozen=True)
class Pipeline:
    """A pipeline file, checked: what to train on and the stages in order."""

    name: str
    text: str
    settings: tuple[str, ...]
    seed: int
    data: DatasetConfig
    stages: tuple[Stage, ...]
    task: Task | None = None
    """As [task] names it; None for the data set's own."""
    has_sweep: bool = False
    """Whether the file has a [sweep] table, which is for ``jetslim sweep`` alone."""
    report: ReportSettings = dataclasses.field(default_factory=ReportSettings)
    notes: tuple[str, ...] = ()
    """What was filled in that the file does not say, a line each."""

    @property
    def pixels(self) -> Pixels | None:
        """What networks of the user's own are fed, as [data] pixels says; None where it says nothing."""
        return _pixels(self.data)


def find(name: str, teacher: str | None = None, trained: bool = False) -> tuple[Path, str, tuple[str, ...]]:
    """(TOML file, name of the run, settings that put networks in) for what a user calls a pipeline.

    That is a path to a TOML file, the name of a shipped one, or a network: a name, or a path to one of the user's own,
    which goes through the pipeline "default"; with a ``teacher``, a name or a path too, through "default-distilled"; a
    ``trained`` one, of the user's own, through "default-trained", as it is.
    Raises UserError, with the nearest names, for anything else.
    """
    shipped = {file.stem: file for file in PRESETS.glob("*.toml")}
    path = Path(name)
    if path.suffix == ".toml" or (teacher is None and name in shipped):
        if teacher is not None:
            raise UserError(
                "--teacher needs a network as PIPELINE: in a TOML file, name the teacher in a distill stage"
            )
        if trained:
            raise UserError('--trained needs a network as PIPELINE: in a TOML file, use a stage with kind = "load"')
        if path.suffix == ".toml" and not path.is_file():
            raise UserError(f"{path} does not exist")
        return (path, path.stem, ()) if path.suffix == ".toml" else (shipped[name], name, ())
    if name not in MODELS and not path.exists():
        raise unknown("pipeline or network", name, {*shipped, *MODELS})
    if trained:
        if name in MODELS or teacher is not None:
            raise UserError(
                "--trained needs the path of a trained network"
                + (
                    "; with --teacher it is trained further from its own weights, so leave --trained out"
                    if teacher
                    else ""
                )
            )
        return shipped["default-trained"], path.stem, (_network("loaded", name),)
    if teacher is None:
        return shipped["default"], path.stem, (_network("trained", name),)
    if teacher not in MODELS and not Path(teacher).exists():
        raise unknown("network", teacher, MODELS)
    settings = (_network("teacher", teacher), _network("trained", name))
    return shipped["default-distilled"], f"{path.stem}-from-{Path(teacher).stem}", settings


def _network(stage: str, name: str) -> str:
    return f"{stage}.{'model' if name in MODELS else 'saved_model'}={json.dumps(name)}"


def read_pipeline(
    name: str,
    settings: Sequence[str] = (),
    seed: int | None = None,
    teacher: str | None = None,
    trained: bool = False,
) -> Pipeline:
    """The pipeline that ``find`` finds, with ``settings`` ("stage.key=value") put in.

    The size of images that nobody chose is that which a network of the user's own reads.
    """
    path, called, networks = find(name, teacher, trained)
    settings = (*networks, *settings)
    raw = config.read_toml(path)
    raw = config.override(raw, [_full(raw, setting) for setting in settings], _table)
    _leave_out(raw, settings)
    notes = _sized(raw, path.parent == PRESETS, settings)
    for key in raw:
        if key not in KEYS:
            raise UserError(f"{path.name}: {unknown('key', key, KEYS)}")
    stages = raw.get("stage")
    if not isinstance(stages, list) or not stages or not all(isinstance(stage, dict) for stage in stages):
        raise UserError(f"{path.name} has no [[stage]]")
    _take_place(stages, settings)
    chosen = raw.get("seed", 0) if seed is None else seed
    if type(chosen) is not int or not 0 <= chosen < 2**31:
        raise UserError(f"{path.name}: seed = {chosen!r} must be a whole number from 0 to 2147483647")
    return Pipeline(
        called,
        path.read_text(),
        settings,
        chosen,
        _data(raw.get("data", {}), path.name),
        tuple(_stage(stage, number) for number, stage in enumerate(stages, start=1)),
        None if "task" not in raw else _task(raw["task"], path.name),
        "sweep" in raw,
        config.parse(ReportSettings, raw.get("report", {}), "[report]"),
        notes,
    )


def _leave_out(raw: dict[str, Any], settings: Sequence[str]) -> None:
    """Takes out the stages that say ``optional = true`` and of which no setting sets a field."""
    asked = {address.partition(".")[0].strip() for address in _addresses(settings)}
    stages = raw.get("stage")
    if isinstance(stages, list) and all(isinstance(stage, dict) for stage in stages):
        for stage in stages:
            if not isinstance(stage.get("optional", False), bool):
                raise UserError(
                    f"[[stage]] {stage.get('name')!r}: optional = {stage['optional']!r} must be true or false"
                )
        raw["stage"] = [
            stage for stage in stages if stage.pop("optional", False) is not True or stage.get("name") in asked
        ]


def _addresses(settings: Sequence[str]) -> set[str]:
    """Which fields the settings set."""
    return {setting.partition("=")[0].strip() for setting in settings}


def _take_place(stages: Sequence[dict[str, Any]], settings: Sequence[str]) -> None:
    """Takes out what a stage says beside a setting that takes its place, such as flops where latency is set."""
    asked = _addresses(settings)
    for stage in stages:
        kind = STAGES.get(str(stage.get("kind")))
        one_of = kind.ONE_OF if kind is not None else ()
        chosen = {field for field in one_of if f"{stage.get('name')}.{field}" in asked}
        for field in set(one_of) - chosen if chosen else ():
            stage.pop(field, None)


def _full(raw: dict[str, Any], setting: str) -> str:
    address, equals, value = setting.partition("=")
    return f"{full_address(raw, address)}{equals}{value}"


def full_address(raw: dict[str, Any], address: str) -> str:
    """The one address of a field of the pipeline ``raw``, as TOML has it.

    What is no field of a stage may be its method's: distilled.temperature is distilled.method.temperature.
    """
    name, _, key = address.strip().partition(".")
    for stage in raw["stage"] if isinstance(raw.get("stage"), list) else []:
        if isinstance(stage, dict) and stage.get("name") == name and stage.get("kind") == "distill":
            method = stage.get("method")
            chosen = METHODS.get(str(method.get("name"))) if isinstance(method, dict) else None
            if chosen and key in _fields(chosen) - _fields(STAGES["distill"]):
                return f"{name}.method.{key}"
    return address.strip()


def _fields(kind: Any) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


def _table(raw: dict[str, Any], name: str) -> dict[str, Any]:
    if name in ("data", "task", "report"):
        return raw.setdefault(name, {})
    listed = raw.get("stage", [])
    stages = [stage for stage in listed if isinstance(stage, dict)] if isinstance(listed, list) else []
    for stage in stages:
        if stage.get("name") == name:
            return stage
    raise unknown("stage", name, [*(str(stage.get("name")) for stage in stages), "data", "task", "report"])


def _data(raw: Any, file: str) -> DatasetConfig:
    if not isinstance(raw, dict):
        raise UserError(f"{file}: data must be a table, [data]")
    raw = {"name": "digits", **raw}
    data = config.parse(config.pick(DATASETS, raw, "name", "data set", "[data]"), raw, "[data]")
    _pixels(data)
    return data


def _task(raw: Any, file: str) -> Task:
    if not isinstance(raw, dict):
        raise UserError(f"{file}: task must be a table, [task]")
    return config.parse(config.pick(TASKS, raw, "name", "task", "[task]"), raw, "[task]")


def _pixels(data: DatasetConfig) -> Pixels | None:
    chosen = data.pixels
    try:
        return chosen if chosen is None else parse(chosen if isinstance(chosen, str) else config.as_dict(chosen))
    except UserError as error:
        raise UserError(f"[data] {error}") from error


def _sized(raw: dict[str, Any], shipped: bool, settings: Sequence[str]) -> tuple[str, ...]:
    """Fills in the size and the channels that the first network of the user's own reads; returns what to say of it.

    What the user's own file or settings name stays; a shipped file's size is for networks by name.
    """
    data = raw.setdefault("data", {})
    stages = raw.get("stage")
    if not isinstance(data, dict) or not isinstance(stages, list):
        return ()
    named = _addresses(settings)
    chosen = {key for key in ("size", "channels") if f"data.{key}" in named}
    chosen |= set() if shipped else {"size", "channels"} & data.keys()
    kind = DATASETS.get(str(data.get("name")))
    if kind is not None and kind.HAS_OWN_SHAPE:
        for key in {"size", "channels"} - chosen:
            data.pop(key, None)
        return ()
    if kind is not None and kind.size is None and "size" not in chosen:
        data.pop("size", None)  # such images are read at their own size
    paths = [stage.get("saved_model") for stage in stages if isinstance(stage, dict)]
    path = next((path for path in paths if isinstance(path, str) and Path(path).exists()), None)
    shape = peek.input_shape(path) if path is not None else None
    if shape is None or len(shape) != 3:
        return ()
    height, width, channels = shape
    said = []
    if height is not None and width is not None and "size" not in chosen:
        data["size"] = height if height == width else [height, width]
        said.append(f"{height}x{width} pixels")
    if channels in (1, 3) and "channels" not in chosen and channels != data.get("channels", 3):
        data["channels"] = channels
        said.append("one channel" if channels == 1 else "three channels")
    return (f"images have {' and '.join(said)}, as {path} reads them",) if said else ()


def _stage(raw: dict[str, Any], number: int) -> Stage:
    where = f"[[stage]] {raw.get('name', number)!r}"
    name = raw.get("name")
    if not isinstance(name, str) or not name or any(character in name for character in "/.= \\\\"):
        raise UserError(f"{where}: needs a name, without spaces, slashes, dots and equals signs")
    return config.parse(config.pick(STAGES, raw, "kind", "kind", where), raw, where)
