"""Times single operators, each alone: what jetslim needs to say how fast a narrower network would be on this board."""

import json
import time
import zipfile
from pathlib import Path
from typing import Any, Callable, Dict, List

from jetson import __version__, board, child
from jetson.bundle import read_bundle
from jetson.errors import UserError
from jetson.interpreter import find

ARCHIVE, LIST, SCHEMA = "operators.zip", "operators.json", "jetslim-operators/1"
AT_ONCE = 100  # operators that one child process times: a crash costs no more


def measure(folder: Path, timeout_s: float, say: Callable[[str], None], root: Path = Path("/")) -> Dict[str, Any]:
    """The times of the operators in a bundle's archive, in milliseconds by family and width.

    Raises UserError for a bundle without one; operators that fail are listed, the others go on.
    """
    bundle = read_bundle(folder)
    files = (bundle.manifest or {})["files"]
    if ARCHIVE not in files:
        raise UserError(f"{folder} has no {ARCHIVE}: its pipeline has nothing that could be narrowed")
    promised = {"path": str(folder / ARCHIVE), **files[ARCHIVE]}
    with zipfile.ZipFile(str(folder / ARCHIVE)) as archive:
        entries: List[Dict[str, Any]] = json.loads(archive.read(LIST).decode())
    times: Dict[str, Dict[str, float]] = {}
    errors: List[str] = []
    start = time.monotonic()
    for first in range(0, len(entries), AT_ONCE):
        part = entries[first : first + AT_ONCE]
        answer = child.run(
            "operators",
            timeout_s,
            path=promised["path"],
            sha256=promised["sha256"],
            size=promised["bytes"],
            files=[entry["file"] for entry in part],
        )
        done = first + len(part)
        left = (time.monotonic() - start) / done * (len(entries) - done)
        if "error" in answer:
            errors.append("{} to {}: {}".format(part[0]["file"], part[-1]["file"], answer["error"]))
        for entry, ms in zip(part, answer.get("ms", [])):
            times.setdefault(entry["family"], {})[entry["widths"]] = float(f"{ms / entry['copies']:.4g}")
        say(f"[{done}/{len(entries)}] operators, {left:.0f} s left")
    return {
        "schema": SCHEMA,
        "runner": __version__,
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "replay": root != Path("/"),
        "bundle": {"pipeline": (bundle.manifest or {}).get("pipeline"), "sha256": bundle.manifest_sha256},
        "machine": board.facts(root),
        "state": board.state(root),
        "runtime": find().facts(),
        "operators": times,
        "errors": errors,
    }
