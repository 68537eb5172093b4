"""Files that are there whole or not at all."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any


def replace(path: Path, content: str | bytes) -> Path:
    """Writes the file under a temporary name beside it and renames it into place; text is UTF-8. Returns ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")  # another run may write the same file just now
    try:
        with part.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        return part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def seal(value: dict[str, Any]) -> dict[str, Any]:
    """The value with its ``digest``: sha256 of all else in it, as compact JSON with sorted keys."""
    rest = {key: part for key, part in value.items() if key != "digest"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return {**rest, "digest": hashlib.sha256(text.encode()).hexdigest()}


def fingerprint(path: Path) -> dict[str, Any]:
    """``bytes`` and ``sha256`` of a file, as manifests list them."""
    content = path.read_bytes()
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def write_json(path: Path, value: Any) -> Path:
    """The value as indented JSON."""
    return replace(path, json.dumps(value, indent=1) + "\n")
