"""Every message that jetslim can end with, read from the source, by what it is about."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from docs.generate.descriptions import markdown

ROOT = Path(__file__).parents[2]
ERRORS = ("UserError", "Failure", "Diverged", "Unfaithful", "RemoteError", "CannotRebuild")
FEWEST_WORDS = 2  # of a message of which something can be searched for

FAMILIES: dict[str, tuple[str, ...]] = {
    "settings": (
        "compress/config", "compress/errors", "compress/pipeline/load_pipeline", "compress/pipeline/plan",
        "compress/training/settings", "compress/stages/network", "compress/stages/load", "compress/models/taps",
        "compress/api/draft", "compress/cli/new",
    ),
    "data": ("compress/datasets",),
    "task": ("compress/tasks", "compress/api/data"),
    "networks": (
        "compress/models", "compress/artifacts/saved_model", "compress/inspection", "compress/rewrite",
        "compress/stages/trial", "compress/pipeline/preflight", "compress/api/networks", "compress/cli/inspect",
    ),
    "pixels": ("compress/pixels", "compress/evaluate/expected_pixels", "compress/evaluate/tried_pixels"),
    "training": (
        "compress/training/keras_loop", "compress/stages/save_and_evaluate", "compress/stages/teaching",
        "compress/stages/distill", "compress/distill",
    ),
    "fewer": (
        "compress/narrow", "compress/stages/narrow", "compress/stages/narrow_rounds", "compress/evaluate/timings",
        "compress/prune", "compress/stages/prune",
    ),
    "files": (
        "compress/quantize", "compress/stages/quantize", "compress/stages/export", "compress/stages/faithful",
        "compress/stages/files_alone", "compress/export/convert", "compress/cli/export",
    ),
    "onnx": ("compress/export/onnx", "compress/stages/onnx_file"),
    "judging": (
        "compress/evaluate", "compress/compare", "compress/cli/compare", "compress/cli/data", "compress/cli/evaluate",
        "compress/cli/predict", "compress/cli/recorded_data",
    ),
    "several": (
        "compress/training/replicate", "compress/training/strategy", "compress/pipeline/take_part", "compress/replicas",
    ),
    "sweeps": ("compress/sweep", "compress/cli/sweep", "compress/cli/run"),
    "store": ("compress/pipeline/networks", "compress/pipeline/bundle", "compress/results"),
    "python": ("compress/api/pieces", "compress/api/shrink"),
    "board": ("jetson",),
}  # fmt: skip
"""What messages are about -> the modules and folders that say them; the longest path that fits counts."""


@dataclass(frozen=True)
class Message:
    """A message as its source has it, with "..." for what is filled in."""

    text: str
    module: str


def section(family: str) -> str:
    """The messages of a family as lists in Markdown, one for each module, under what the module says that it does."""
    modules = defaultdict(list)
    for message in by_family()[family]:
        modules[message.module].append(message.text)
    texts = {text for each in modules.values() for text in each}
    parts = [f'??? quote "Its {len(texts)} messages, word for word"']
    for module, said in modules.items():
        about = (ast.get_docstring(_tree(module)) or module).partition("\n\n")[0]
        parts.append(f"    {markdown(' '.join(about.split()))}")
        parts.append("\n".join(f"    - `{text.replace('`', chr(39))}`" for text in dict.fromkeys(said)))
    return "\n\n".join(parts)


@cache
def by_family() -> dict[str, list[Message]]:
    """The messages of each family. Raises KeyError for a module that belongs to none."""
    families = defaultdict(list)
    for message in every():
        families[family_of(message.module)].append(message)
    return families


def family_of(module: str) -> str:
    """Which family a module's messages belong to. Raises KeyError where none is said."""
    fits = [
        (len(path), family)
        for family, paths in FAMILIES.items()
        for path in paths
        if f"{module}/".startswith(f"{path}/")
    ]
    if not fits:
        raise KeyError(f"docs/generate/messages.py: no family for the messages of {module}")
    return max(fits)[1]


def every() -> Iterator[Message]:
    """All messages of the library, of the runner and of what measures over ssh."""
    for folder in ("compress", "jetson"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            module = path.relative_to(ROOT).with_suffix("").as_posix()
            for text in _of_source(_tree(module)):
                if sum(word.strip(".:,'") != "" for word in text.split()) >= FEWEST_WORDS:
                    yield Message(text, module)


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse((ROOT / f"{module}.py").read_text())


def _of_source(tree: ast.Module) -> Iterator[str]:
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and _name(node.func) in ERRORS:
            message = node.args[0]
            if isinstance(message, ast.Call) and (function := functions.get(_name(message.func))) is not None:
                returns = [each for each in ast.walk(function) if isinstance(each, ast.Return) and each.value]
                yield from (text for each in returns for text in _texts(each.value))  # type: ignore[arg-type]
            else:
                yield from _texts(message)


def _name(function: ast.expr) -> str:
    return getattr(function, "id", getattr(function, "attr", ""))


def _texts(node: ast.expr) -> list[str]:
    """What an expression may be as a text; what is not written there is "..."."""
    match node:
        case ast.Constant(value=str(text)):
            return [" ".join(text.split(" "))]
        case ast.JoinedStr(values=values):
            return ["".join(_texts(value)[0] if isinstance(value, ast.Constant) else "..." for value in values)]
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return [first + second for first in _texts(left) for second in _texts(right)]
        case ast.IfExp(body=body, orelse=orelse):
            return [*_texts(body), *_texts(orelse)]
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format")):
            return [
                "...".join(part.partition("}")[2] if number else part for number, part in enumerate(text.split("{")))
            ]
    return ["..."]
