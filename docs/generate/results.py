"""The reference of run.json and of a board's result, from the classes that read them."""

import dataclasses
import types
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from benchmarks.boards import result as board
from compress import results
from docs.generate import descriptions

RUN: tuple[type, ...] = (
    results.Run,
    results.DataFacts,
    results.StageResult,
    results.Metric,
    results.Latency,
    results.Schedule,
    results.SparsityStep,
    results.Narrowing,
    results.Change,
    results.OnnxFacts,
    results.Changed,
)
BOARD: tuple[type, ...] = (
    board.BoardResult,
    board.Bundle,
    board.Board,
    board.Interpreter,
    board.Model,
    board.ThreadLatency,
    board.Times,
    board.Repetition,
    board.Energy,
    board.Accuracy,
    board.TensorRT,
    board.Engine,
    board.Agreement,
    board.State,
    results.Metric,
)


def of_run() -> str:
    """What run.json holds, as Markdown."""
    return _page(RUN)


def of_board() -> str:
    """What is read of a board's result, as Markdown."""
    return _page(BOARD)


def _page(classes: tuple[type, ...]) -> str:
    return "\n\n".join(f"### {cls.__name__}\n\n{descriptions.of_class(cls)}\n\n{_table(cls)}" for cls in classes)


def _table(cls: type) -> str:
    said, hints = descriptions.of_fields(cls), get_type_hints(cls)
    rows = ["| key | value | what it is |", "|---|---|---|"]
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        text = descriptions.cell(said.get(field.name, ""))
        rows.append(f"| `{field.name}` | {_kind(hints[field.name])} | {text} |")
    return "\n".join(rows)


def _kind(hint: Any) -> str:
    """A type in words, with a link to the table of an object's keys."""
    origin, arguments = get_origin(hint), get_args(hint)
    if dataclasses.is_dataclass(hint):
        name = hint.__name__  # type: ignore[union-attr]
        return f"[{name}](#{name.lower()})"
    if origin in (Union, types.UnionType):
        return " or ".join(_kind(member) for member in arguments)
    if origin is Literal:
        return " or ".join(f'`"{value}"`' for value in arguments)
    if origin is list:
        return f"list of {_kind(arguments[0])}"
    if origin is tuple:
        return f"[{', '.join(map(_kind, arguments))}]"
    if origin is dict:
        return f"object: {_kind(arguments[1])} by name"
    return {int: "integer", float: "number", str: "text", bool: "true or false", types.NoneType: "null"}.get(
        hint, "any"
    )
