"""What networks said of images, kept: computed once, read by every stage, pipeline and restart that asks again."""

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from filelock import FileLock

from compress.artifacts.files import replace
from compress.artifacts.locks import locked
from compress.artifacts.outputs_file import read_outputs, write_outputs

Arrays = dict[str, np.ndarray]
LIMIT_BYTES = 2_000_000_000


class Outputs:
    """Arrays by name, one .npz file a key, together at most ``limit_bytes``: what was not read longest goes first."""

    def __init__(self, root: Path, limit_bytes: float = LIMIT_BYTES) -> None:
        self.root, self.limit_bytes = root, limit_bytes

    def read_or(self, key: str, compute: Callable[[], Arrays]) -> Arrays:
        """The arrays of ``key``, from the disk or computed; nothing is written."""
        try:
            return read_outputs(self.root / f"{key}.npz")
        except (OSError, ValueError, EOFError, BadZipFile):
            return compute()

    def get(self, key: str, compute: Callable[[], Arrays], waiting: Callable[[], None] = lambda: None) -> Arrays:
        """The arrays of ``key``, from the disk or computed. One that is larger than the limit is not kept.

        ``waiting()`` is called once if another process is computing it.
        """
        path = self.root / f"{key}.npz"
        with locked(path.with_suffix(".lock"), waiting):
            try:
                values = read_outputs(path)
            except (OSError, ValueError, EOFError, BadZipFile):  # not there, or damaged
                values = compute()
                self._keep(path, values)
            else:
                with contextlib.suppress(FileNotFoundError):  # another process may need its room
                    os.utime(path)
        return values

    def __iter__(self) -> Iterator[Path]:
        """The files, the one that was not read for longest first."""
        return iter([path for path, _ in self._read()])

    @property
    def size_bytes(self) -> int:
        return sum(about.st_size for _, about in self._read())

    def not_read_since(self, seconds: float) -> list[Path]:
        """The files that were last read before then (seconds since 1970)."""
        return [path for path, about in self._read() if about.st_mtime <= seconds]

    def remove(self, path: Path) -> int:
        """Deletes one of the files; returns the bytes that it held, 0 if another process was faster."""
        try:
            size = path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            return 0
        return size

    def _read(self) -> list[tuple[Path, os.stat_result]]:
        """The files in the order of their last reading; one that is deleted meanwhile is none."""
        files = []
        for path in self.root.glob("*.np[yz]"):
            with contextlib.suppress(FileNotFoundError):
                if not path.name.startswith("."):
                    files.append((path, path.stat()))
        return sorted(files, key=lambda entry: (entry[1].st_mtime_ns, entry[0]))

    def _keep(self, path: Path, values: Arrays) -> None:
        content = io.BytesIO()
        write_outputs(content, values)
        size = content.getbuffer().nbytes
        if size > self.limit_bytes:
            return
        with FileLock(self.root / "room.lock"):
            for old in self:
                if self.size_bytes + size <= self.limit_bytes:
                    break
                self.remove(old)
            replace(path, content.getvalue())
