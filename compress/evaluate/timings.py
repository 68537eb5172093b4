"""Times of operators and of files on one machine, measured once and kept: what follows from them can be made again."""

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from compress.artifacts.files import write_json
from compress.errors import UserError
from compress.evaluate.latency import in_turns, median_ms
from compress.results import validated

Widths = tuple[int, ...]
File = Callable[[Widths], tuple[bytes, int]]
"""Numbers of channels -> (a .tflite file with copies of one operator, how many)."""
SCHEMA = "jetslim-timings/1"  # of this machine's
BOARD_SCHEMA = "jetslim-operators/1"  # of a board's


@contextmanager
def alone() -> Iterator[None]:
    """While no other process of jetslim's on this machine measures."""
    with FileLock(Path(tempfile.gettempdir()) / "jetslim-latency.lock", mode=0o666):
        yield


class Timings:
    """Milliseconds by what was measured, in a JSON file; ``machine`` describes where."""

    def __init__(self, path: Path, machine: dict[str, Any]) -> None:
        self._path, self.machine = path, machine

    @cached_property
    def _operators(self) -> dict[str, dict[str, float]]:
        return self._known("operators")

    @cached_property
    def _pairs(self) -> dict[str, list[float]]:
        return self._known("pairs")

    def _known(self, part: str) -> dict[str, Any]:
        try:
            return dict(json.loads(self._path.read_text())[part])
        except (OSError, ValueError, KeyError, TypeError):  # none yet, or damaged: it is measured again
            return {}

    def operator(self, family: str, widths: Widths, file: File) -> float:
        """Milliseconds of one operator; measured where it is not known."""
        known = self._operators.setdefault(family, {})
        key = key_of(widths)
        if key not in known:
            content, copies = file(widths)
            known[key] = float(f"{median_ms(content) / copies:.4g}")
        return known[key]

    def grid(self, family: str, wanted: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, ...], ...]:
        """The widths of each axis to measure: all that are wanted."""
        return wanted

    def is_known(self, family: str, widths: Widths) -> bool:
        """Whether such an operator was measured."""
        return key_of(widths) in self._operators.get(family, {})

    def pair(self, one: bytes, other: bytes) -> tuple[float, float]:
        """Median milliseconds of two files, measured in turns, so that what slows the machine hits both."""
        key = " ".join(sha256(content).hexdigest()[:16] for content in (one, other))
        if key not in self._pairs:
            with alone():
                times = in_turns([one, other])
            self._pairs[key] = [float(f"{np.median(samples):.5g}") for samples in times]
            self.save()
        return self._pairs[key][0], self._pairs[key][1]

    def save(self) -> None:
        """Writes the file in one step, with what other processes measured meanwhile."""
        own, own_pairs = self._operators, self._pairs
        with alone():
            operators = self._known("operators")
            operators |= {family: {**operators.get(family, {}), **times} for family, times in own.items()}
            pairs = {**self._known("pairs"), **own_pairs}
            write_json(self._path, {"schema": SCHEMA, "machine": self.machine, "operators": operators, "pairs": pairs})


def key_of(widths: Widths) -> str:
    """Numbers of channels as a table of operators has them: 64x128."""
    return "x".join(map(str, widths))


@dataclass(frozen=True)
class BoardOperators:
    """What the file says: milliseconds by family and by numbers of channels, and where they were measured."""

    operators: dict[str, dict[str, float]]
    machine: dict[str, Any]


class BoardTimings:
    """The times of operators that ``jetson.pyz operators`` measured on a board, from the file at ``path``."""

    def __init__(self, path: Path) -> None:
        try:
            content = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise UserError(f"device {path} cannot be read: {error}") from error
        if not isinstance(content, dict) or content.get("schema") != BOARD_SCHEMA:
            raise UserError(f"device {path} is not a table made by `jetson.pyz operators`")
        table = validated(BoardOperators, content, f"device {path}")
        self._path, self._operators, self.machine = path, table.operators, table.machine

    def operator(self, family: str, widths: Widths, file: File) -> float:
        """Milliseconds of one operator. Raises UserError for one that the board did not measure."""
        try:
            return self._operators[family][key_of(widths)]
        except KeyError:
            raise self._lacks(f"{family} with {key_of(widths)} channels") from None

    def grid(self, family: str, wanted: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, ...], ...]:
        """The widths of each axis that the board measured. Raises UserError for a family that it did not."""
        if family not in self._operators:
            raise self._lacks(family)
        points = [[int(width) for width in key.split("x")] for key in self._operators[family] if key]
        return tuple(tuple(sorted(set(axis))) for axis in zip(*points, strict=True))

    def knows_any(self, families: Iterable[str]) -> bool:
        """Whether the board measured any of these."""
        return not self._operators.keys().isdisjoint(families)

    def _lacks(self, what: str) -> UserError:
        return UserError(
            f"device {self._path} lacks {what}: the table was made for another network, or the board could not "
            "time this operator; bundle this pipeline and run `jetson.pyz operators` on the board again"
        )
