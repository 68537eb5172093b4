"""What a run.json says, whichever version wrote it."""

from typing import Any


def side(data: dict[str, Any]) -> int:
    """Of the run's square images, in pixels; older runs have it under "size"."""
    return data["shape"][0] if "shape" in data else data["size"]
