"""What is to be swept: the [sweep] table of a pipeline's file and what the command line says."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any

from pydantic import Field

from compress import config
from compress.config import NotNegative
from compress.errors import UserError, unknown
from compress.pipeline.load_pipeline import find, full_address
from compress.sweep.grid import SEED, Point, given, points


@config.config
class Resources:
    """Resources of a Ray cluster that each point of a sweep takes, and how often a point may be started again."""

    num_cpus: NotNegative = 1.0
    """Number of processors of the Ray cluster that each point takes."""
    num_gpus: NotNegative = 0.0
    """Number of GPUs of the Ray cluster that each point takes; with less than 1, several points share one."""
    max_retries: Annotated[int, Field(ge=0)] = 3
    """Maximum number of times that a point is started again after its process or node died."""

    def __post_init__(self) -> None:
        for name, count in (("num_cpus", self.num_cpus), ("num_gpus", self.num_gpus)):
            if count > 1 and count % 1:
                raise ValueError(f"{name} = {count} must be a whole number, or a number less than 1")


@dataclass(frozen=True)
class Sweep:
    """``fields``: those that are swept; ``points``: every combination of their values."""

    pipeline: str
    """What the pipeline is called; points' own results go by their own names."""
    fields: tuple[str, ...]
    points: tuple[Point, ...]
    resources: Resources


def read_sweep(
    name: str,
    settings: Sequence[str] = (),
    seed: int | None = None,
    teacher: str | None = None,
    trained: bool = False,
) -> Sweep:
    """The sweep over the pipeline that ``name`` and ``teacher`` mean (``read_pipeline``).

    A field of ``settings`` stands instead of the [sweep] table's, with several values or with one. Raises UserError
    for a mistake in either, and where nothing is swept.
    """
    path, called, _ = find(name, teacher, trained)
    raw = config.read_toml(path)
    table = raw.get("sweep", {})
    if not isinstance(table, dict):
        raise UserError(f"{path.name}: sweep must be a table, [sweep]")
    own = {name: value for name, value in table.items() if not isinstance(value, dict | list)}
    known = [field.name for field in fields(Resources)]
    for key, value in own.items():
        if key not in known:
            raise UserError(
                f"[sweep] {key} = {value!r}: the values must be a list, such as [0.5, 0.9]" if key == SEED else
                f"[sweep]: {unknown('key', key, known)}"
            )  # fmt: skip
    listed = _listed({name: value for name, value in table.items() if name not in own})
    all_fields = {**_addressed(listed, raw, "[sweep]"), **_addressed(given(settings), raw, "--set")}
    for field in all_fields:
        if inner := [value for value in all_fields if value.startswith(f"{field}.")]:
            raise UserError(f"{field} and its field {inner[0]} are both swept: sweep only one of them")
    if seed is not None:
        if SEED in all_fields:
            raise UserError("--seed is given and the seed is swept, too: use only one of the two")
        all_fields[SEED] = [str(seed)]
    all_points = points(all_fields)
    if len(all_points) < 2:
        raise UserError(
            "nothing to sweep: give a field several values, such as --set pruned.final_sparsity=0.5,0.7,0.9, "
            "or add a [sweep] table to the file"
        )
    return Sweep(called, tuple(all_points[0].values), tuple(all_points), config.parse(Resources, own, "[sweep]"))


def _addressed(listed: Mapping[str, list[str]], raw: dict[str, Any], where: str) -> dict[str, list[str]]:
    """The fields by their full addresses: a field with two spellings is one field."""
    by_address: dict[str, list[str]] = {}
    for name, values in listed.items():
        address = full_address(raw, name)
        if address in by_address:
            first = next(other for other in listed if full_address(raw, other) == address)
            raise UserError(f"{where}: `{first}` and `{name}` name the same field; give only one")
        by_address[address] = values
    return by_address


def _listed(table: Mapping[str, Any], prefix: str = "") -> dict[str, list[str]]:
    """The lists of a table and of the tables in it, by their dotted names, each value as a setting has it."""
    lists: dict[str, list[str]] = {}
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            lists |= _listed(value, f"{name}.")
        elif not isinstance(value, list):
            raise UserError(f"[sweep] {name} = {value!r}: the values must be a list, such as [0.5, 0.9]")
        elif not value:
            raise UserError(f"[sweep] {name} has no values")
        elif not (name == SEED or "." in name):
            raise UserError(f"[sweep] {name}: write a field as NAME.KEY, such as pruned.final_sparsity, or seed")
        else:
            lists[name] = [as_toml(each) for each in value]
    return lists


def as_toml(value: Any) -> str:
    """A value as TOML, on one line.

    >>> as_toml({"name": "logits", "layers": [1, True]})
    '{ "name" = "logits", "layers" = [1, true] }'
    """
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{as_toml(str(key))} = {as_toml(member)}" for key, member in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(as_toml, value))}]"
    if isinstance(value, str | bool):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
