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
AT_ONCE = 100  # operators that one child process times; where one of them fails, each gets a process of its own


def measure(folder: Path, timeout_s: float, say: Callable[[str], None], root: Path = Path("/")) -> Dict[str, Any]:
    """The times of the operators in a bundle's archive, in milliseconds by family and width.

    Raises UserError for a bundle without one; operators that fail are listed, the others go on.
    """
    bundle = read_bundle(folder)
    files = (bundle.manifest or {})["files"]
    if ARCHIVE not in files:
        raise UserError(f"{folder} has no {ARCHIVE}: its pipeline has no network that can be narrowed")
    promised = {"path": str(folder / ARCHIVE), **files[ARCHIVE]}
    with zipfile.ZipFile(str(folder / ARCHIVE)) as archive:
        entries: List[Dict[str, Any]] = json.loads(archive.read(LIST).decode())
    times: Dict[str, Dict[str, float]] = {}
    errors: List[str] = []
    start = time.monotonic()
    for first in range(0, len(entries), AT_ONCE):
        part = entries[first : first + AT_ONCE]
        answer = _timed(promised, part, timeout_s)
        answers = (
            [(part, answer)] if "ms" in answer else [([each], _timed(promised, [each], timeout_s)) for each in part]
        )
        for timed, one in answers:
            if "error" in one:
                errors.append("{}: {}".format(timed[0]["family"], one["error"]))
            for entry, ms in zip(timed, one.get("ms", [])):
                times.setdefault(entry["family"], {})[entry["widths"]] = float(f"{ms / entry['copies']:.4g}")
        done = first + len(part)
        left = (time.monotonic() - start) / done * (len(entries) - done)
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


def _timed(promised: Dict[str, Any], entries: List[Dict[str, Any]], timeout_s: float) -> Dict[str, Any]:
    """The answer of a child process that times these files of the archive."""
    return child.run(
        "operators",
        timeout_s,
        path=promised["path"],
        sha256=promised["sha256"],
        size=promised["bytes"],
        files=[entry["file"] for entry in entries],
    )
