"""Files that are there whole or not at all."""

import os
from pathlib import Path


def replace(path: Path, content: str | bytes) -> Path:
    """Writes the file under a temporary name beside it and renames it into place; text is UTF-8. Returns ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")  # another run may write the same file just now
    try:
        part.write_bytes(content.encode() if isinstance(content, str) else content)
        return part.replace(path)
    finally:
        part.unlink(missing_ok=True)
