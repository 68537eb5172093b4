"""Which source decides what is computed: the modules that a module imports, and those that they import, by their text.

Read from the files with ``ast``; nothing is imported. An import inside a function counts like any other; one under
``if TYPE_CHECKING`` does not. See docs/decisions/0026.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[1]

# module -> why nothing that is computed depends on its text; what it imports is not followed either
NOT_COUNTED = {
    "compress": "the door for users, which loads the rest by name",
    "compress.artifacts.files": "how files are written",
    "compress.artifacts.locks": "who waits for whom",
    "compress.artifacts.outputs": "where outputs are kept",
    "compress.artifacts.source": "the key itself",
    "compress.artifacts.store": "where artifacts are kept",
    "compress.clock": "seconds",
    "compress.config": "reads values, which stand in the key",
    "compress.datasets": "a table: the module of the data set that was chosen is counted",
    "compress.distill": "a table: the module of the method that was chosen is counted",
    "compress.errors": "messages",
    "compress.pipeline.machine": "what the machine is; versions stand in the key",
    "compress.pipeline.network_costs": "how long a run is expected to take",
    "compress.pipeline.plan": "the key itself",
    "compress.progress": "what is on the screen",
    "compress.quiet": "what is on the screen",
    "compress.stages": "a table: the module of the kind that was chosen is counted",
    "compress.results": "what stage.json and run.json hold; the schema of stage.json stands in the key",
    "compress.tasks": "a table: the module of the task that was chosen is counted",
    "compress.tasks.losses": "a table: the module of the loss that was chosen is counted",
}


@dataclass(frozen=True)
class Module:
    """A source file as far as its imports go."""

    text: bytes
    imports: tuple[tuple[str, str], ...]
    """(module, name), with "" as the name for the module as a whole."""
    reexports: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Name -> (module, name) from which a package's ``__init__`` has it."""
    only_reexports: bool = False
    """Whether the file is an ``__init__`` that holds imports and ``__all__`` and nothing else."""


class Sources:
    """The modules of a package, each read once."""

    def __init__(self, package: Path, not_counted: Iterable[str] = ()) -> None:
        self._root, self._name = package.parent, package.name
        self._not_counted = frozenset(not_counted)
        self._modules: dict[str, Module | None] = {}

    def digest(self, modules: Iterable[str]) -> str:
        """SHA-256 of the names and texts of these modules alone."""
        digest = hashlib.sha256()
        for name in sorted(modules):
            digest.update(name.encode() + b"\0" + hashlib.sha256(self._module(name).text).digest())
        return digest.hexdigest()

    def closure(self, modules: Iterable[str]) -> set[str]:
        """``modules`` and all that they import, less what is not counted.

        A package's ``__init__`` counts with any of its modules. If it only re-exports, what counts instead is the
        module that a name comes from, and all of them where the package itself is imported.
        """
        counted: set[str] = set()
        waiting = list(modules)
        while waiting:
            name = waiting.pop()
            if name in counted or name in self._not_counted:
                continue
            counted.add(name)
            module = self._module(name)
            waiting += [self._source(*imported) for imported in module.imports if self._is_ours(imported[0])]
            packages = [name.rsplit(".", depth)[0] for depth in range(1, name.count(".") + 1)]
            waiting += [package for package in packages if not self._module(package).only_reexports]
        return counted

    def all(self) -> list[str]:
        """The names of all modules."""
        files = sorted((self._root / self._name).rglob("*.py"))
        parts = [file.relative_to(self._root).with_suffix("").parts for file in files]
        return [".".join(part[:-1] if part[-1] == "__init__" else part) for part in parts]

    def _is_ours(self, name: str) -> bool:
        return name == self._name or name.startswith(f"{self._name}.")

    def _source(self, module: str, name: str) -> str:
        """The module in which an imported name is defined."""
        if not name:
            return module
        reexports = self._module(module).reexports
        if name in reexports and self._is_ours(reexports[name][0]):
            return self._source(*reexports[name])
        return module if self._read(f"{module}.{name}") is None else f"{module}.{name}"

    def _module(self, name: str) -> Module:
        module = self._read(name)
        if module is None:
            raise ValueError(f"{name} is no module of {self._root / self._name}")
        return module

    def _read(self, name: str) -> Module | None:
        if name not in self._modules:
            base = self._root.joinpath(*name.split("."))
            files = [file for file in (base / "__init__.py", base.with_name(f"{base.name}.py")) if file.is_file()]
            self._modules[name] = _parsed(name, files[0].read_bytes(), files[0].stem == "__init__") if files else None
        return self._modules[name]


@cache
def _parsed(name: str, text: bytes, is_package: bool) -> Module:
    tree = ast.parse(text)
    package = name if is_package else name.rpartition(".")[0]
    imports = [imported for node in _imports(tree) for imported in _imported(node, package)]
    if not is_package:
        return Module(text, tuple(imports))
    reexports = {
        alias.asname or alias.name: (_absolute(node, package), alias.name)
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and _absolute(node, package) != name  # its own modules
        for alias in node.names
    }
    return Module(text, tuple(imports), reexports, all(_only_reexports(node) for node in tree.body))


def _imports(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """The import statements below ``node``, those for type checkers left out."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child
        elif isinstance(child, ast.If) and ast.unparse(child.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            for other in child.orelse:
                yield from _imports(ast.Module([other], []))
        elif isinstance(child, (ast.stmt, ast.excepthandler, ast.match_case)):
            yield from _imports(child)


def _imported(node: ast.Import | ast.ImportFrom, package: str) -> list[tuple[str, str]]:
    if isinstance(node, ast.Import):
        return [(alias.name, "") for alias in node.names]
    module = _absolute(node, package)
    return [(module, "" if alias.name == "*" else alias.name) for alias in node.names]


def _absolute(node: ast.ImportFrom, package: str) -> str:
    """The module of a ``from`` import, which may be relative to the package."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")[: package.count(".") + 2 - node.level]
    return ".".join([*parts, *([node.module] if node.module else [])])


def _only_reexports(node: ast.stmt) -> bool:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return True
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)  # the docstring
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"


SOURCES = Sources(PACKAGE, NOT_COUNTED)


@cache
def source_hash(*modules: str) -> str:
    """SHA-256 of the source of ``modules`` and of all that they import, less NOT_COUNTED."""
    return SOURCES.digest(SOURCES.closure(modules))


def modules_of(value: Any) -> tuple[str, ...]:
    """The modules that define a config object and the config objects in its fields, sorted."""
    return tuple(sorted(set(_modules_of(value))))


def _modules_of(value: Any) -> Iterator[str]:
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _modules_of(item)
    elif isinstance(value, dict):
        yield from _modules_of(list(value.values()))
    elif is_dataclass(value):
        yield type(value).__module__
        for each in fields(value):
            yield from _modules_of(getattr(value, each.name))
