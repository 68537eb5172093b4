"""What networks said of images, kept: computed once, read by every stage, pipeline and restart that asks again."""

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from filelock import FileLock

from compress.artifacts.files import replace

LIMIT_BYTES = 2_000_000_000


class Outputs:
    """Arrays by key, one .npy file each, together at most ``limit_bytes``: what was not read for longest goes first."""

    def __init__(self, root: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self.root, self.limit_bytes = root, limit_bytes

    def get(self, key: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
        """The array of ``key``, from the disk or computed. One that is larger than the limit is not kept."""
        path = self.root / f"{key}.npy"
        self.root.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            try:
                values: np.ndarray = np.load(path, allow_pickle=False)
            except (OSError, ValueError, EOFError):  # not there, or damaged
                values = compute()
                self._keep(path, values)
            else:
                os.utime(path)
        return values

    def __iter__(self) -> Iterator[Path]:
        """The files, the one that was not read for longest first."""
        found = [(path.stat().st_mtime_ns, path) for path in self.root.glob("*.npy") if not path.name.startswith(".")]
        return iter([path for _, path in sorted(found)])

    @property
    def size_bytes(self) -> int:
        return sum(path.stat().st_size for path in self)

    def remove(self, path: Path) -> int:
        """Deletes one of the files; returns the bytes that it held."""
        size = path.stat().st_size
        path.unlink()
        path.with_suffix(".lock").unlink(missing_ok=True)
        return size

    def _keep(self, path: Path, values: np.ndarray) -> None:
        content = io.BytesIO()
        np.save(content, values, allow_pickle=False)
        size = content.getbuffer().nbytes
        if size > self.limit_bytes:
            return
        for old in self:
            if self.size_bytes + size <= self.limit_bytes:
                break
            self.remove(old)
        replace(path, content.getvalue())
