"""A folder of the user's own: images/ and points.csv, which says where things are in each image."""

import csv
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np

from compress.config import config
from compress.datasets.base import located
from compress.datasets.csv_folder import FILE, IMAGES, SPELT
from compress.datasets.folder import is_image, left_out_note
from compress.datasets.missing_splits import held_out_rows, split_notes
from compress.datasets.points import PointsConfig, dataset_of, pictures_of
from compress.datasets.read_pictures import nothing_in
from compress.datasets.splits import Dataset
from compress.errors import UserError, first_line
from compress.targets import Points

TABLE, BOXES, SPLIT = "points.csv", "boxes.csv", "split.csv"
POINT, BOX = ("x", "y"), ("xmin", "ymin", "xmax", "ymax")
HOW = "the first row names the columns: file, x, y (or file, xmin, ymin, xmax, ymax), and a row is a point (or a box)"


@config
class PointsFolder(PointsConfig):
    """``path``/points.csv, a row a point: file, x, y in pixels, where (0, 0) is the middle of the upper left one of the
    image as it is seen (turned, where its EXIF flag says so). Of boxes, file, xmin, ymin, xmax, ymax, the centres are
    taken, also from boxes.csv where there is no points.csv.

    Files lie in ``path``/images/ or in ``path``. ``path``/split.csv (file, split) says which are for train, validation
    and test, and names images without any point; without it all images of images/ are taken, and 20 % are held out for
    test and 10 % of the rest for validation, with constant seeds. ``path`` is absolute, or relative to the current
    folder or, if there is no such thing, to the data folder.
    """

    name: Literal["points"] = "points"
    path: str
    """Folder that contains points.csv: absolute, or relative to the current folder or --data-dir."""

    @classmethod
    def is_at(cls, path: Path) -> bool:
        return any((path / table).is_file() for table in (TABLE, BOXES))

    def load(self, data_dir: Path | None = None, skip_bad_images: bool = False) -> Dataset:
        """See ``DatasetConfig.load``. Raises UserError naming the table and its row, or the image."""
        self.check()
        root = located(self.path, data_dir, f"folder with a {TABLE}", self.is_at)
        table = next(root / name for name in (TABLE, BOXES) if (root / name).is_file())
        points = _by_path(root, table)
        parts = _parts(root, points)
        files = [path for paths in parts.values() for path in paths]
        if outside := sorted(points.keys() - set(files)):
            raise UserError(f"{table} has points for {outside[0].name}, which is in no split of {root / SPLIT}")
        bad: list[str] = []
        places = [points.get(path, np.empty((0, 2))) for path in files]
        pictures, rows = pictures_of(files, places, self.kernel, self.channels, bad)
        left_out_note(bad, skip_bad_images)  # before a split of what is left is drawn
        part_of = np.repeat(list(parts), [len(paths) for paths in parts.values()])[rows]
        chosen = {part: np.flatnonzero(part_of == part) for part in parts}
        held_out = held_out_rows({part: nothing_in(Points, len(own)) for part, own in chosen.items()})
        notes = split_notes(held_out, "{} images", "the others", "images")
        chosen |= {part: chosen["train"][own] for part, own in held_out.items()}
        splits = {part: pictures.take(own) for part, own in chosen.items()}
        return dataset_of(self.name, splits, self, notes, bad, skip_bad_images)


def _by_path(root: Path, table: Path) -> dict[Path, np.ndarray]:
    """Image -> its points, under however many names the table lists it."""
    named: dict[Path, list[np.ndarray]] = {}
    for name, points in read_points(table).items():
        named.setdefault(_file(root, name, table), []).append(points)
    return {path: np.concatenate(parts) for path, parts in named.items()}


def read_points(table: Path) -> dict[str, np.ndarray]:
    """File -> y and x of its points, in pixels from the upper left corner, float64 (k, 2).

    Raises UserError for what is no such table, and for boxes without an area.
    """
    header, rows = _rows(table)
    columns = [name.lower() for name in header]
    wanted = next((names for names in (POINT, BOX) if set(names) <= set(columns)), None)
    if wanted is None or columns[0] not in FILE:
        raise UserError(f"{table} is not a table of points: {HOW}")
    by_file: dict[str, list[tuple[float, float]]] = {}
    for number, row in rows:
        values = [_number(row[columns.index(name)], table, number, name) for name in wanted]
        if len(values) == 2:
            x, y = values[0] + 0.5, values[1] + 0.5  # the middle of a pixel is half a pixel from its corner
        else:
            if values[2] <= values[0] or values[3] <= values[1]:
                raise UserError(f"{table}: row {number} is a box with zero area")
            x, y = (values[0] + values[2]) / 2, (values[1] + values[3]) / 2
        by_file.setdefault(row[0], []).append((y, x))
    return {file: np.array(points) for file, points in by_file.items()}


def _rows(table: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """(names of the columns, (line of the file, its cells) of each row that is not empty), all stripped.

    Raises UserError for rows of several lengths.
    """
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(map(str.strip, row))]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{table} cannot be read: {first_line(error)}") from error
    if not rows:
        raise UserError(f"{table} is empty: {HOW}")
    header = rows[0][1]
    for number, row in rows[1:]:
        if len(row) != len(header):
            raise UserError(f"{table}: row {number} has {len(row)} cells, but the first row has {len(header)}")
    return header, rows[1:]


def _number(cell: str, table: Path, row: int, column: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UserError(f"{table}: row {row}, column {column!r}: {cell!r} is not a number")
    return value


def _parts(root: Path, points: Iterable[Path]) -> dict[str, list[Path]]:
    """Part -> its images; all are train where no split.csv says which they are."""
    if not (root / SPLIT).is_file():
        return {"train": _all_images(root, points)}
    header, rows = _rows(root / SPLIT)
    columns = [name.lower() for name in header]
    if columns[0] not in FILE or "split" not in columns:
        raise UserError(f"{root / SPLIT}: the first row must name the columns: file, split")
    parts: dict[str, list[Path]] = {"train": []}
    listed: set[Path] = set()
    for number, row in rows:
        split, path = row[columns.index("split")].lower(), _file(root, row[0], root / SPLIT)
        if split not in SPELT:
            raise UserError(
                f"{root / SPLIT}: row {number} has the split {split!r}; it must be train, validation or test"
            )
        if path in listed:
            raise UserError(f"{root / SPLIT} lists {row[0]} twice")
        listed.add(path)
        parts.setdefault(SPELT[split], []).append(path)
    if not parts["train"]:
        raise UserError(f"{root / SPLIT} has no row with the split train")
    return parts


def _all_images(root: Path, points: Iterable[Path]) -> list[Path]:
    """Those that have points, and those in images/ that have none; hidden files are passed over."""
    inside = (root / IMAGES).iterdir() if (root / IMAGES).is_dir() else ()
    return sorted({*points, *filter(is_image, inside)})


def _file(root: Path, name: str, table: Path) -> Path:
    """The image of that name; one path for each, however it is named."""
    for path in (root / IMAGES / name, root / name):
        if path.is_file():
            return path.parent.resolve() / path.name if ".." in path.parts else path
    raise UserError(f"{table} names {name}, which is neither in {root / IMAGES} nor in {root}")
