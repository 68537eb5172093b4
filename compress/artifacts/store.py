"""A folder of finished stage outputs, each under the key of what made it; no reader ever sees half of one.

artifacts/<key>/     stage.json and what the stage made; never changed once it is there
work/<key>/          what is being made; survives a kill, so that the stage resumes there
work/<key>.lock      held while it is being made (released by the system when the process dies)
outputs/<key>.npz    what a network said of the training images, up to a limit
measurements/        latencies, by machine: no part of an artifact
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from compress.artifacts.files import write_json
from compress.artifacts.locks import locked
from compress.artifacts.outputs import LIMIT_BYTES, Outputs
from compress.errors import UserError
from compress.results import T, validated

FACTS = "stage.json"


def content_key(provenance: dict[str, Any]) -> str:
    """20 hexadecimal digits of the SHA-256 of ``provenance`` as canonical JSON."""
    text = json.dumps(provenance, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


@dataclass(frozen=True)
class Artifact:
    """A finished stage output."""

    key: str
    path: Path

    @property
    def facts(self) -> dict[str, Any]:
        """What ``stage.json`` says: kind, name, provenance, seconds by cause, and facts of what was made."""
        return json.loads((self.path / FACTS).read_text())

    def facts_as(self, kind: type[T]) -> T:
        """The part of it that ``kind`` names. Raises UserError where it is not there."""
        return validated(kind, self.facts, str(self.path / FACTS))

    @property
    def saved_model(self) -> Path:
        return self.path / "saved_model"


class Store:
    """Finds, makes and removes artifacts below ``root``; makes no folder before the first artifact."""

    def __init__(self, root: Path, outputs_limit_bytes: float = LIMIT_BYTES) -> None:
        self.root, self.outputs = root, Outputs(root / "outputs", outputs_limit_bytes)

    def find(self, key: str) -> Artifact | None:
        path = self.root / "artifacts" / key
        return Artifact(key, path) if (path / FACTS).is_file() else None

    def make(self, key: str, build: Callable[[Path, Path], dict[str, Any]], waiting: Callable[[], None]) -> Artifact:
        """The artifact of ``key``, made by ``build`` unless another process makes it first.

        ``build(out, scratch)`` fills the folder ``out`` and returns the facts for stage.json; ``scratch`` keeps
        what a later try resumes from. ``waiting()`` is called once if another process holds the lock.
        """
        with locked(self.root / "work" / f"{key}.lock", waiting):
            work = self.root / "work" / key
            if artifact := self.find(key):
                shutil.rmtree(work, ignore_errors=True)  # of a process that was killed right after it had finished
                return artifact
            out, scratch = work / "out", work / "scratch"
            shutil.rmtree(out, ignore_errors=True)  # half of an earlier try
            out.mkdir(parents=True)
            scratch.mkdir(exist_ok=True)
            try:
                facts = build(out, scratch)
            except UserError:
                shutil.rmtree(out)  # refused: nothing of it is of use
                if not any(scratch.iterdir()):
                    shutil.rmtree(work)
                raise
            write_json(out / FACTS, facts)
            final = self.root / "artifacts" / key
            final.parent.mkdir(exist_ok=True)
            shutil.rmtree(final, ignore_errors=True)  # without stage.json: not of this store's making
            for file in (*out.rglob("*"), out):
                _sync(file)
            out.rename(final)
            _sync(final.parent)
            shutil.rmtree(work, ignore_errors=True)
        return Artifact(key, final)

    def __iter__(self) -> Iterator[Artifact]:
        for facts in sorted((self.root / "artifacts").glob(f"*/{FACTS}")):
            if not facts.parent.name.startswith("."):  # half deleted
                yield Artifact(facts.parent.name, facts.parent)

    def unfinished(self) -> list[Path]:
        """Work folders of stages that were interrupted and are not being made now."""
        return [
            path
            for path in sorted((self.root / "work").glob("*/"))
            if not path.name.startswith(".") and not self._busy(path.name)
        ]

    def remove(self, path: Path) -> int:
        """Deletes an artifact's or an unfinished stage's folder; returns the bytes that it held.

        0, and nothing is deleted, if a process is making or taking just that stage.
        """
        (self.root / "work").mkdir(exist_ok=True)
        lock = FileLock(self.root / "work" / f"{path.name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return 0
        try:
            freed = size_bytes(path)
            doomed = path.with_name(f".{path.name}.deleted")
            shutil.rmtree(doomed, ignore_errors=True)  # of a removal that was interrupted
            path.rename(doomed)  # in one step: no reader meets half of it
            shutil.rmtree(doomed)
        finally:
            lock.release()
        return freed

    def _busy(self, key: str) -> bool:
        lock = FileLock(self.root / "work" / f"{key}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        lock.release()
        return False


def size_bytes(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    return path.stat().st_size if path.is_file() else sum(f.stat().st_size for f in path.rglob("*") if f.is_file())


def _sync(path: Path) -> None:
    """Waits until the file or folder is on the disk: what has a stage.json is whole even after a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
