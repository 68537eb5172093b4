"""Raw results, read and checked: of each kind that is known, sealed, and measured."""

import json
from pathlib import Path
from typing import Any

from benchmarks.boards import result as boards
from benchmarks.studies import STUDIES
from compress.artifacts.files import seal
from compress.errors import UserError
from compress.results import SCHEMA, parse, validated

RUNS = (1, 2, SCHEMA)


class Refused(UserError):
    """A file that is no raw result, and why."""


def read_result(path: Path) -> Any:
    """A run, a board's result, or a study of a class in ``benchmarks.studies``; Refused names the file."""
    try:
        content = json.loads(path.read_text())
    except ValueError as error:
        raise Refused(f"{path} is no JSON: {error}") from error
    schema: Any = content.get("schema") if isinstance(content, dict) else None
    known = (*RUNS, *boards.SCHEMAS, *STUDIES)
    if schema not in known:
        raise Refused(f"{path}: schema {schema!r} is unknown; {', '.join(map(repr, known))} are known")
    if content.get("digest") != seal(content)["digest"]:
        raise Refused(f"{path} was edited after it was measured: its digest does not match")
    if content.get("replay"):
        raise Refused(f"{path} replays a recorded tegrastats, or another machine's files: it is no measurement")
    if schema in RUNS:
        return parse(content, str(path))
    if schema in boards.SCHEMAS:
        return boards.parse(content, str(path))
    return validated(STUDIES[schema], content, str(path))
