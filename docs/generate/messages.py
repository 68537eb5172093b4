"""Every message that jetslim can end with, read from the source, by its cause."""

import ast
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from docs.generate.causes import FAMILIES, Cause
from docs.generate.descriptions import markdown

ROOT = Path(__file__).parents[2]
ERRORS = (
    "UserError", "Failure", "Diverged", "Unfaithful", "RemoteError", "CannotRebuild", "BadParameter",
    "ArgumentTypeError", "_fail", "agree",
)  # fmt: skip
"""Exceptions, and functions that end a command: their first argument is a message."""
REASONS = {"compress/rewrite/refuse": ("refusal", "_in_training", "_calls_refused")}
"""Functions whose texts become messages by ways that are not followed."""
FEWEST_WORDS = 2  # of a message of which something can be searched for


@dataclass(frozen=True)
class Message:
    """A message as its source has it, with "..." for what is filled in."""

    text: str
    module: str


def section(family: str) -> str:
    """The causes of a family, each with what to do and its messages, as Markdown."""
    parts = []
    for cause in FAMILIES[family]:
        texts = list(dict.fromkeys(message.text for message in every() if cause_of(message.module) is cause))
        lines = "\n".join(f"    - `{text.replace('`', chr(39))}`" for text in texts)
        parts += [
            f"**Cause.** {markdown(cause.cause)} **What to do.** {markdown(cause.remedy)}",
            f'??? quote "{len(texts)} message{"s" * (len(texts) != 1)}"\n\n{lines}',
        ]
    return "\n\n".join(parts)


def cause_of(module: str) -> Cause:
    """The cause of a module's messages. Raises KeyError where none is said."""
    fits = {
        len(path): cause
        for causes in FAMILIES.values()
        for cause in causes
        for path in cause.modules
        if f"{module}/".startswith(f"{path}/")
    }
    if not fits:
        raise KeyError(f"docs/generate/causes.py: no cause for the messages of {module}")
    return fits[max(fits)]


@cache
def every() -> tuple[Message, ...]:
    """All messages of the library, of the runner and of what measures over ssh."""
    return tuple(
        Message(text, module)
        for folder in ("compress", "jetson")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for module in [path.relative_to(ROOT).with_suffix("").as_posix()]
        for text in dict.fromkeys(_of_source(_tree(module), module))
        if _words(text) >= FEWEST_WORDS
    )


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse((ROOT / f"{module}.py").read_text())


def _of_source(tree: ast.Module, module: str = "") -> Iterator[str]:
    reader = _Reader(tree)
    for scope in (tree, *_functions(tree)):
        if getattr(scope, "name", "") in REASONS.get(module, ()):
            yield from reader.given_back(scope)
        for node in _inside(scope):
            if isinstance(node, ast.Call) and node.args and _name(node.func) in ERRORS:
                yield from reader.texts(node.args[0], _bound(scope))


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def _inside(scope: ast.AST) -> Iterator[ast.AST]:
    """All nodes of a scope but those of functions in it."""
    for child in ast.iter_child_nodes(scope):
        if not isinstance(child, ast.FunctionDef):
            yield child
            yield from _inside(child)


def _name(function: ast.expr) -> str:
    return getattr(function, "id", getattr(function, "attr", ""))


def _bound(scope: ast.AST) -> dict[str, list[ast.expr]]:
    """Name -> what a scope assigns to it."""
    bound: dict[str, list[ast.expr]] = {}
    for node in _inside(scope):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
                | ast.NamedExpr(target=ast.Name(id=name), value=value)
                | ast.For(target=ast.Name(id=name), iter=value)
            ):
                bound.setdefault(name, []).append(value)
    return bound


class _Reader:
    """What expressions of a module may be as texts; what is not written in the source is "..."."""

    def __init__(self, tree: ast.Module) -> None:
        self._constants = _bound(tree)
        self._functions = {function.name: function for function in _functions(tree)}
        self._home = {
            each.name: node.module.replace(".", "/")
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module
            for each in node.names
        }
        self._reading: set[str] = set()

    def given_back_by(self, name: str) -> list[str]:
        """What a function of the module, or one that it imports, returns or yields; nothing for one of others."""
        if name in self._functions:
            return self.given_back(self._functions[name])
        path = self._home.get(name, "")
        return _reader(path).given_back_by(name) if (ROOT / f"{path}.py").is_file() else []

    def given_back(self, function: ast.AST) -> list[str]:
        """What a function returns or yields."""
        bound = _bound(function)
        values = [node.value for node in _inside(function) if isinstance(node, ast.Return | ast.Yield | ast.YieldFrom)]
        return [text for value in values if value is not None for text in self.texts(value, bound)]

    def texts(self, node: ast.expr, bound: dict[str, list[ast.expr]]) -> list[str]:
        """``bound``: what the names of the expression's function stand for."""
        match node:
            case ast.Constant(value=str(text)):
                return [text]
            case ast.JoinedStr(values=values):
                if _words(text := written(node)) >= FEWEST_WORDS:
                    return [text]
                parts = [
                    self.texts(value.value if isinstance(value, ast.FormattedValue) else value, bound)
                    for value in values
                ]
                return ["".join(each) for each in itertools.product(*parts)]
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                return [first + second for first in self.texts(left, bound) for second in self.texts(right, bound)]
            case ast.BinOp(op=ast.Mult(), left=left):  # a text, or none
                return self.texts(left, bound)
            case ast.IfExp(body=body, orelse=orelse):
                return [*self.texts(body, bound), *self.texts(orelse, bound)]
            case ast.BoolOp(values=values):
                return [text for value in values for text in self.texts(value, bound)]
            case ast.NamedExpr(value=value) | ast.Starred(value=value):
                return self.texts(value, bound)
            case ast.List(elts=values):
                return [text for value in values for text in self.texts(value, bound)]
            case ast.Dict(values=values):
                return [text for value in values for text in self.texts(value, bound)]
            case ast.GeneratorExp(elt=element):
                return self.texts(element, bound)
            case ast.Name(id=name):
                values = bound.get(name) or self._constants.get(name, [])
                return self._once(name, lambda: [text for value in values for text in self.texts(value, bound)])
            case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format")):
                return [re.sub(r"\{.*?\}", "...", text)]
            case ast.Call(func=ast.Attribute(value=ast.Constant(), attr="join"), args=[joined]):
                return self.texts(joined, bound)
            case ast.Call(func=ast.Attribute(value=ast.Name() as table, attr="get")):
                return self.texts(table, bound)
            case ast.Call(func=called, args=[first, *_]) if _name(called) in ERRORS:
                return self.texts(first, bound)
            case ast.Call(func=ast.Name(id=name)):
                return self._once(name, lambda: self.given_back_by(name))
        return ["..."]

    def _once(self, name: str, texts: Callable[[], list[str]]) -> list[str]:
        """The texts of a name, or "..." where they depend on themselves or are none."""
        if name in self._reading:
            return ["..."]
        self._reading.add(name)
        try:
            return texts() or ["..."]
        finally:
            self._reading.remove(name)


@cache
def _reader(module: str) -> _Reader:
    return _Reader(_tree(module))


def written(node: ast.Constant | ast.JoinedStr) -> str:
    """A text as it stands in the source, with "..." for what is filled in; "" for a number and the like."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    values = [part.value if isinstance(part, ast.Constant) else "..." for part in parts]
    return "".join(value for value in values if isinstance(value, str))


def _words(text: str) -> int:
    return sum(word.strip(".:,;'()") != "" for word in text.split())
