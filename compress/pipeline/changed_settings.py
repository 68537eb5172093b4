"""Which settings of a pipeline differ from their defaults."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from compress import config
from compress.pipeline.load_pipeline import Pipeline
from compress.results import Changed

NAMES = ("name", "kind")  # they choose a class, and are no settings of it


def changed(pipeline: Pipeline) -> list[Changed]:
    """Every setting that has another value than its class gives it, or none there, in the order of the file."""
    tables: list[tuple[str, Any]] = [("data", pipeline.data), ("task", pipeline.task), ("report", pipeline.report)]
    tables += [(stage.name, stage) for stage in pipeline.stages]
    return [found for table, settings in tables if settings is not None for found in _of(table, settings, "")]


def _of(table: str, settings: Any, before: str) -> Iterator[Changed]:
    for field in dataclasses.fields(settings):
        value, default = getattr(settings, field.name), _default(type(settings), field.name)
        if field.name in NAMES or value == default:
            continue
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            if type(value) is not type(default):
                yield Changed(table, before + field.name, getattr(value, "name", type(value).__name__), _plain(default))
            yield from _of(table, value, f"{before}{field.name}.")
        else:
            yield Changed(table, before + field.name, _plain(value), _plain(default))


def _default(kind: Any, name: str) -> Any:
    """What the config class gives the field; None where it must be given."""
    field = kind.__pydantic_fields__[name]
    return None if field.is_required() else field.get_default(call_default_factory=True)


def _plain(value: Any) -> Any:
    """The value ready for JSON; of a method or the like its name."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return getattr(value, "name", None) or config.as_dict(value)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if value is None or isinstance(value, bool | int | float | str | dict) else str(value)
