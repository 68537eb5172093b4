"""Reads TOML into frozen, checked objects; knows no stage, method or data set by name."""

import copy
import dataclasses
import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, dataclass_transform, get_args

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as _dataclass

from compress.errors import UserError, unknown

Fraction = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]


def _in_order(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] > pair[1]:
        raise ValueError(f"{list(pair)}: the first number must be the smaller one")
    return pair


InOrder = AfterValidator(_in_order)
"""Of a pair of numbers, the smallest and the largest between which something is drawn."""

T = TypeVar("T")
Raw = dict[str, Any]


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(dataclasses.field, Field))
def config(cls: type[T]) -> type[T]:
    """A frozen dataclass whose fields are checked strictly: "0.9" and true are no numbers, unknown keys are errors."""
    strict = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
    return _dataclass(frozen=True, kw_only=True, config=strict)(cls)  # type: ignore


def read_toml(path: Path) -> Raw:
    """The file as plain dicts and lists. Raises UserError with the line for a file that is not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {path}: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}") from error
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path} is not valid TOML: {error}") from error


def override(raw: Raw, settings: Sequence[str], find: Callable[[Raw, str], Raw]) -> Raw:
    """A copy of ``raw`` with each "table.key=value" put in; ``find(raw, table)`` gives the table to change.

    The value is TOML; a bare word is a string: ``pruned.final_sparsity=0.9``, ``data.name=cifar10``. More dots reach
    into tables, which need not be there yet: ``trained.label_loss.focal_weight=0.1``.
    """
    raw = copy.deepcopy(raw)
    for setting in settings:
        path, equals, text = setting.partition("=")
        *tables, key = path.strip().split(".")
        if not equals or not tables or not all((*tables, key)):
            raise UserError(f"--set {setting!r}: write it as NAME.KEY=VALUE, such as pruned.final_sparsity=0.9")
        table = find(raw, tables[0])
        for name in tables[1:]:
            table = table.setdefault(name, {}) if isinstance(table, dict) else table
        if not isinstance(table, dict):
            raise UserError(f"--set {setting!r}: {'.'.join(tables)} is not a table, so it has no fields")
        table[key] = value(text)
    return raw


def value(text: str) -> Any:
    """What a setting's text means: a value of TOML, else the words themselves as a string."""
    try:
        return tomllib.loads(f"value = {text.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()


def parse(kind: type[T], raw: Raw, where: str) -> T:
    """``raw`` checked and frozen as an object of the config class ``kind``.

    Raises UserError naming ``where``, the key and what was wrong; for an unknown key the known ones.
    """
    try:
        # JSON mode is strict and still takes what TOML has: lists for tuples, tables for nested configs
        return TypeAdapter(kind).validate_json(json.dumps(raw, default=str))
    except ValidationError as error:
        raise UserError(_explain(error, kind, where)) from error
    except TypeError as error:
        raise UserError(f"{where}: {error}") from error


def pick(registry: dict[str, type[T]], raw: Raw, key: str, what: str, where: str) -> type[T]:
    """The class that ``raw[key]`` names in ``registry``. Raises UserError with the nearest names."""
    if key not in raw:
        raise UserError(f"{where}: the key {key!r} is missing; its value is one of {', '.join(sorted(registry))}")
    if not isinstance(raw[key], str) or raw[key] not in registry:
        raise UserError(f"{where}: {unknown(what, raw[key], registry)}")
    return registry[raw[key]]


def required(kind: Any) -> list[str]:
    """The fields of a config class that have no default."""
    return [name for name, field in kind.__pydantic_fields__.items() if field.is_required()]


def as_dict(value: Any) -> Any:
    """A config object as plain dicts, lists and numbers, ready for JSON."""
    return json.loads(json.dumps(dataclasses.asdict(value), default=str))


def as_toml(value: Any) -> str:
    """A value as TOML has it: a string, number, boolean, list or table.

    >>> as_toml({"name": "logits", "layers": [["a", "b"]]})
    '{ name = "logits", layers = [["a", "b"]] }'
    """
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {as_toml(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _explain(error: ValidationError, kind: Any, where: str) -> str:
    """One line for the first error, an unknown key before all others: it often causes them."""
    first = min(error.errors(), key=lambda e: e["type"] not in _UNKNOWN)
    parts = [str(part) for part in first["loc"]]
    owner, key = _locate(kind, parts)
    if first["type"] in _UNKNOWN:
        fields = dataclasses.fields(owner)
        known = [field.name for field in fields]
        table, dot, last = key.rpartition(".")
        for field in fields:  # a key of a method or of a loss, written beside it
            if any(last in _keys(member) for member in _members(field.type)):
                return f"{where}: {key!r} belongs in {table}{dot}{field.name}: {field.name} = {{ ..., {last} = ... }}"
        return f"{where}: {unknown('key', key, known)} (known keys: {', '.join(known)})"
    if first["type"] in ("missing", "missing_argument"):
        return f"{where}: the key {key!r} is missing"
    if first["type"] == "value_error":
        return f"{where}: {key + ': ' if key else ''}{first['ctx']['error']}"
    if first["type"] == "union_tag_invalid":
        known = first["ctx"]["expected_tags"].replace("'", "").split(", ")
        return f"{where}: {unknown(key, first['ctx']['tag'], known)}"
    if first["type"] == "union_tag_not_found":
        return (
            f"{where}: {key} needs the key {first['ctx']['discriminator']}; its value is one of "
            f"{', '.join(_names(owner, key))}"
        )
    message = first["msg"].removeprefix("Input should be ")
    if message == "an object":  # as JSON calls a table
        names = [f'{{ name = "{name}" }}' for name in _names(owner, key)]
        message = f"a table{', such as ' if names else ''}{' or '.join(names)}"
    return f"{where}: {key} = {json.dumps(first['input'])} must be {message}"


_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")


def _locate(kind: Any, parts: list[str]) -> tuple[Any, str]:
    """The config class that holds the key, and the key as the user wrote it: pydantic's path names a union's member."""
    written, candidates = [], [kind]
    for part in parts[:-1]:
        fields = {field.name: field for field in dataclasses.fields(kind)}
        if part in fields:
            written.append(part)
            candidates = [m for m in _members(fields[part].type) if dataclasses.is_dataclass(m)]
        else:  # the tag of a union's member
            candidates = [m for m in candidates if getattr(m, "name", None) == part]
        if not candidates:
            return kind, ".".join([*written, parts[-1]])
        kind = candidates[0]
    return kind, ".".join([*written, *parts[-1:]])


def _names(owner: Any, key: str) -> list[str]:
    """The names of the members of the union that ``owner`` has at the key, in order; none for another type."""
    fields = {field.name: field for field in dataclasses.fields(owner)}
    field = fields.get(key.rpartition(".")[2])
    return [member.name for member in _members(field.type) if hasattr(member, "name")] if field else []


def _keys(kind: Any) -> set[str]:
    """The keys of a config class; none of any other type."""
    return {field.name for field in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else set()


def _members(annotation: Any) -> list[Any]:
    return [annotation, *(member for argument in get_args(annotation) for member in _members(argument))]
