"""A page for each result of a board: ``python -m benchmarks.boards [RESULT.json ...]`` writes build/boards/*.html.

Without a file it takes every one below benchmarks/results.
"""

import json
import sys
from pathlib import Path

from benchmarks.boards import page
from benchmarks.boards.result import SCHEMAS
from compress.errors import UserError

RESULTS = Path(__file__).parents[1] / "results"
PAGES = Path("build") / "boards"


def main(paths: list[Path], folder: Path) -> list[Path]:
    """Writes the pages of these files; of a folder's, only those that are a board's. Raises UserError."""
    chosen = paths or sorted(RESULTS.glob("*/*.json"))
    written = []
    for path in chosen:
        try:
            content = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise UserError(f"{path} cannot be read as a result: {error}") from error
        if paths or (isinstance(content, dict) and content.get("schema") in SCHEMAS):
            written += page.write(content, str(path), folder, f"{path.parent.name}-{path.stem}")[:1]
    return written


if __name__ == "__main__":
    PAGES.mkdir(parents=True, exist_ok=True)
    try:
        for written in main([Path(name) for name in sys.argv[1:]], PAGES):
            print(f"report: {written}")
    except UserError as error:
        sys.exit(f"error: {error}")
