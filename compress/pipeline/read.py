"""Finds a pipeline's TOML by name or path and reads it into frozen, checked objects."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compress import config
from compress.datasets import DATASETS, DatasetConfig
from compress.errors import UserError, unknown
from compress.stages import STAGES, Stage

PRESETS = Path(__file__).parents[1] / "presets"  # the repository's pipelines/, also in an installed wheel


@dataclass(frozen=True)
class Pipeline:
    """A pipeline file, checked: what to train on and the stages in order."""

    name: str
    text: str
    settings: tuple[str, ...]
    seed: int
    data: DatasetConfig
    stages: tuple[Stage, ...]


def find(name: str) -> Path:
    """A path to a TOML file as it is; else the shipped pipeline of that name, or UserError with the nearest names."""
    path = Path(name)
    if path.suffix == ".toml":
        if not path.is_file():
            raise UserError(f"{path} does not exist")
        return path
    shipped = {file.stem: file for file in PRESETS.glob("*.toml")}
    if name not in shipped:
        raise unknown("pipeline", name, shipped)
    return shipped[name]


def read(name: str, settings: Sequence[str] = (), seed: int | None = None) -> Pipeline:
    """The pipeline ``name`` (shipped, or a path) with ``settings`` ("stage.key=value") put in."""
    path = find(name)
    raw = config.override(config.read_toml(path), settings, _table)
    for key in raw:
        if key not in ("seed", "data", "stage"):
            raise UserError(f"{path.name}: {unknown('key', key, ('seed', 'data', 'stage'))}")
    stages = raw.get("stage")
    if not isinstance(stages, list) or not stages or not all(isinstance(stage, dict) for stage in stages):
        raise UserError(f"{path.name} has no [[stage]]")
    chosen = raw.get("seed", 0) if seed is None else seed
    if type(chosen) is not int or not 0 <= chosen < 2**31:
        raise UserError(f"{path.name}: seed = {chosen!r} should be a whole number from 0 to 2147483647")
    return Pipeline(
        path.stem,
        path.read_text(),
        tuple(settings),
        chosen,
        _data(raw.get("data", {}), path.name),
        tuple(_stage(stage, number) for number, stage in enumerate(stages, start=1)),
    )


def _table(raw: dict[str, Any], name: str) -> dict[str, Any]:
    if name == "data":
        return raw.setdefault("data", {})
    listed = raw.get("stage", [])
    stages = [stage for stage in listed if isinstance(stage, dict)] if isinstance(listed, list) else []
    for stage in stages:
        if stage.get("name") == name:
            return stage
    raise unknown("stage", name, [*(str(stage.get("name")) for stage in stages), "data"])


def _data(raw: Any, file: str) -> DatasetConfig:
    if not isinstance(raw, dict):
        raise UserError(f"{file}: data should be a table, [data]")
    raw = {"name": "digits", **raw}
    return config.parse(config.pick(DATASETS, raw, "name", "data set", "[data]"), raw, "[data]")


def _stage(raw: dict[str, Any], number: int) -> Stage:
    where = f"[[stage]] {raw.get('name', number)!r}"
    name = raw.get("name")
    if not isinstance(name, str) or not name or any(character in name for character in "/.= \\\\"):
        raise UserError(f"{where}: needs a name, without spaces, slashes, dots and equals signs")
    return config.parse(config.pick(STAGES, raw, "kind", "kind", where), raw, where)
