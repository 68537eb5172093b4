"""Small CSV files of what a training did: read whole, replaced in one step."""

import csv
import io
from pathlib import Path
from typing import Any

from compress.artifacts.files import replace


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a history.csv, values as text; none if there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """Replaces the file in one step; a column that a row lacks stays empty."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    replace(path, text.getvalue())
