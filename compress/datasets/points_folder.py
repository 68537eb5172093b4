"""A folder of the user's own: images/ and points.csv, which says where things are in each image."""

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from compress.config import config
from compress.datasets.base import located
from compress.datasets.missing_splits import held_out_rows, split_notes
from compress.datasets.points import PointsConfig, dataset_of, read_pictures
from compress.datasets.splits import Dataset
from compress.errors import UserError, first_line
from compress.targets import Points

IMAGES, TABLE, BOXES, SPLIT = "images", "points.csv", "boxes.csv", "split.csv"
FILE = ("file", "filename", "image", "path")
POINT, BOX = ("x", "y"), ("xmin", "ymin", "xmax", "ymax")
HOW = "the first row names the columns: file, x, y (or file, xmin, ymin, xmax, ymax), and a row is a point (or a box)"
SPELT = {"train": "train", "training": "train", "val": "validation", "valid": "validation",
         "validation": "validation", "test": "test"}  # fmt: skip


@config
class PointsFolder(PointsConfig):
    """``path``/points.csv, a row a point: file, x, y in pixels, where (0, 0) is the middle of the upper left one. Of
    boxes, file, xmin, ymin, xmax, ymax, the centres are taken, also from boxes.csv where there is no points.csv.

    Files lie in ``path``/images/ or in ``path``. ``path``/split.csv (file, split) says which are for train, validation
    and test, and names images without any point; without it all images of images/ are taken, and 20 % are held out for
    test and 10 % of the rest for validation, with constant seeds. ``path`` is absolute, or relative to the current
    folder or, if there is no such thing, to the data folder.
    """

    name: Literal["points"] = "points"
    path: str

    @classmethod
    def is_at(cls, path: Path) -> bool:
        return any((path / table).is_file() for table in (TABLE, BOXES))

    def load(self, data_dir: Path | None = None, skip_bad_images: bool = False) -> Dataset:
        """See ``DatasetConfig.load``. Raises UserError naming the table and its row, or the image."""
        self.check()
        root = located(self.path, data_dir, f"folder with a {TABLE}", self.is_at)
        table = next(root / name for name in (TABLE, BOXES) if (root / name).is_file())
        points = read_points(table)
        parts = _parts(root, points)
        names = [name for files in parts.values() for name in files]
        if unknown := sorted(points.keys() - set(names)):
            raise UserError(f"{table} has points of {unknown[0]}, which is in no split of {root / SPLIT}")
        bad: list[str] = []
        files = [_file(root, name, table) for name in names]
        places = [points.get(name, np.empty((0, 2))) for name in names]
        pictures, rows = read_pictures(files, places, self.kernel, self.channels, bad)
        part_of = np.repeat(list(parts), [len(files) for files in parts.values()])[rows]
        chosen = {part: np.flatnonzero(part_of == part) for part in parts}
        held_out = held_out_rows(
            {part: Points.of([np.empty((0, 3))] * len(rows), (1, 1)) for part, rows in chosen.items()}
        )
        notes = split_notes(held_out, "{} images", "the others", "images")
        chosen |= {part: chosen["train"][rows] for part, rows in held_out.items()}
        splits = {part: pictures.take(rows) for part, rows in chosen.items()}
        return dataset_of(self.name, splits, self, notes, bad, skip_bad_images)


def read_points(table: Path) -> dict[str, np.ndarray]:
    """File -> y and x of its points, in pixels from the upper left corner, float64 (k, 2).

    Raises UserError for what is no such table, and for boxes without an area.
    """
    header, rows = _rows(table)
    columns = [name.lower() for name in header]
    wanted = next((names for names in (POINT, BOX) if set(names) <= set(columns)), None)
    if wanted is None or columns[0] not in FILE:
        raise UserError(f"{table} is no table of points: {HOW}")
    found: dict[str, list[tuple[float, float]]] = {}
    for number, row in enumerate(rows, start=2):
        values = [_number(row[columns.index(name)], table, number, name) for name in wanted]
        if len(values) == 2:
            x, y = values[0] + 0.5, values[1] + 0.5  # the middle of a pixel is half a pixel from its corner
        else:
            if values[2] <= values[0] or values[3] <= values[1]:
                raise UserError(f"{table}: row {number} is a box without an area")
            x, y = (values[0] + values[2]) / 2, (values[1] + values[3]) / 2
        found.setdefault(row[0], []).append((y, x))
    return {file: np.array(points) for file, points in found.items()}


def _rows(table: Path) -> tuple[list[str], list[list[str]]]:
    """(names of the columns, the rows), each stripped. Raises UserError for rows of several lengths."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = [[cell.strip() for cell in row] for row in csv.reader(file) if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{table} cannot be read: {first_line(error)}") from error
    if not rows:
        raise UserError(f"{table} is empty: {HOW}")
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(rows[0]):
            raise UserError(f"{table}: row {number} has {len(row)} cells, the first row {len(rows[0])}")
    return rows[0], rows[1:]


def _number(cell: str, table: Path, row: int, column: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UserError(f"{table}: row {row}, column {column!r}: {cell!r} is no number")
    return value


def _parts(root: Path, points: Mapping[str, np.ndarray]) -> dict[str, list[str]]:
    """Part -> its files; all are train where no split.csv says which they are."""
    if not (root / SPLIT).is_file():
        return {"train": _all_images(root, points)}
    header, rows = _rows(root / SPLIT)
    columns = [name.lower() for name in header]
    if columns[0] not in FILE or "split" not in columns:
        raise UserError(f"{root / SPLIT}: the first row names the columns: file, split")
    parts: dict[str, list[str]] = {"train": []}
    for number, row in enumerate(rows, start=2):
        split = row[columns.index("split")].lower()
        if split not in SPELT:
            raise UserError(f"{root / SPLIT}: row {number} is of the split {split!r}: train, validation or test")
        parts.setdefault(SPELT[split], []).append(row[0])
    listed = [row[0] for row in rows]
    if doubled := {name for name in listed if listed.count(name) > 1}:
        raise UserError(f"{root / SPLIT} lists {min(doubled)} twice")
    if not parts["train"]:
        raise UserError(f"{root / SPLIT} has no row of the split train")
    return parts


def _all_images(root: Path, points: Mapping[str, np.ndarray]) -> list[str]:
    """Those that have points, and those in images/ that have none."""
    from compress.datasets.folder import SUFFIXES

    inside = (root / IMAGES).iterdir() if (root / IMAGES).is_dir() else ()
    return sorted({*points, *(path.name for path in inside if path.suffix.lower() in SUFFIXES)})


def _file(root: Path, name: str, table: Path) -> Path:
    for path in (root / IMAGES / name, root / name):
        if path.is_file():
            return path
    raise UserError(f"{table} and its splits name {name}, which is neither in {root / IMAGES} nor in {root}")
