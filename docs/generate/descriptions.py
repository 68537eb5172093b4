"""What the source says of a field: the string behind it."""

import ast
import dataclasses
import inspect
import itertools
import re
import textwrap
from functools import cache
from typing import Any


@cache
def of_fields(cls: type) -> dict[str, str]:
    """Name of each field of a class, or of one that it inherits from, -> the string that stands behind it."""
    said: dict[str, str] = {}
    for owner in reversed(cls.__mro__[:-1]):
        if dataclasses.is_dataclass(owner):
            (tree,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
            said |= _behind(tree.body)  # type: ignore[attr-defined]
    return said


def _behind(body: list[ast.stmt]) -> dict[str, str]:
    said = {}
    for statement, following in itertools.pairwise(body):
        match statement, following:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                said[name] = " ".join(text.split())
    return said


def owner_of(cls: type, field: str) -> type:
    """The class that a field comes from: the one that says its type last."""
    return next(owner for owner in cls.__mro__ if field in inspect.get_annotations(owner))


def markdown(docstring: str | None) -> str:
    """A docstring as Markdown: code by single backticks; what else would be emphasis or an element is escaped."""
    text = re.sub(r"``(.+?)``", r"`\1`", inspect.cleandoc(docstring or ""))
    return re.sub(r"`[^`]*`|[<*]", lambda found: {"<": "&lt;", "*": "\\*"}.get(found[0], found[0]), text)


def of_class(cls: Any) -> str:
    """What a class says of itself, as Markdown; "" for the docstring that ``dataclass`` makes."""
    said = cls.__dict__.get("__doc__") or ""
    return "" if said.startswith(f"{cls.__name__}(") else markdown(said)


def cell(text: str) -> str:
    """Text that is safe in a cell of a table."""
    return markdown(text).replace("|", "\\|").replace("\n", " ")
