"""A result as it is kept: sealed JSON, with the machine, the versions and the time that a number needs beside it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from compress.artifacts.files import seal, write_json
from compress.pipeline import machine


def keep(path: Path, result: dict[str, Any], versions: dict[str, Any] | None = None) -> None:
    """Writes ``found`` to ``path`` and says so; ``versions``: of what else took part."""
    about = {
        "finished": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "machine": machine.describe(),
        "versions": machine.versions() if versions is None else {"jetslim": machine.versions(), "peers": versions},
    }
    write_json(path, seal({**result, **about}))
    print(path.name, flush=True)
