"""A run, a sweep or a board as one HTML file that opens offline and prints, and the same as JSON."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compress.artifacts.files import replace, write_json
from compress.errors import UserError
from compress.report.html import run_page
from compress.report.html.page import render
from compress.results import LAYERS, OperatorFacts, Run, as_json, validated

__all__ = ["read_operators", "write", "write_page"]


def write(run: Run, folder: Path, pictures: Sequence[Path]) -> list[Path]:
    """Writes report.html and report.json of a run into ``folder``; ``pictures`` lie below it."""
    operators = read_operators(folder / LAYERS)
    data = run_page.data(run, operators, folder, pictures)
    raw = {"run": as_json(run), "operators_by_stage": {stage: _plain(rows) for stage, rows in operators.items()}}
    return write_page("run", data, folder, "report", raw)


def write_page(template: str, data: Mapping[str, Any], folder: Path, name: str, raw: Mapping[str, Any]) -> list[Path]:
    """Writes ``folder``/``name``.html and the same as .json, which has ``raw``, too, and no pictures."""
    content = {"schema": run_page.SCHEMA, "kind": template, **_without_pictures(dict(data)), **raw}
    return [
        replace(folder / f"{name}.html", render(template, data)),
        write_json(folder / f"{name}.json", content),
    ]


def read_operators(path: Path) -> dict[str, list[OperatorFacts]]:
    """Stage -> the operators of its file, from layers.json; {} where there is none, or an unreadable one."""
    try:
        content = json.loads(path.read_text())
        return {stage: [validated(OperatorFacts, row, str(path)) for row in rows] for stage, rows in content.items()}
    except (OSError, ValueError, AttributeError, TypeError, UserError):
        return {}


def _plain(rows: Sequence[OperatorFacts]) -> list[dict[str, Any]]:
    return [dict(vars(row)) for row in rows]


def _without_pictures(value: Any) -> Any:
    """The data without what only the page needs: the bytes of pictures."""
    if isinstance(value, Mapping):
        return {key: _without_pictures(each) for key, each in value.items() if key != "src"}
    return [_without_pictures(each) for each in value] if isinstance(value, list | tuple) else value
