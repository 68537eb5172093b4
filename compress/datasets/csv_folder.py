"""A folder of the user's own: images/ and labels.csv, which says of each file its classes or its numbers."""

import csv
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from compress.config import config
from compress.datasets.base import DatasetConfig, located
from compress.datasets.folder import MEMORY_LIMIT, Listing, Look, check, left_out_note
from compress.datasets.images import Fit
from compress.datasets.missing_splits import held_out_rows, split_notes
from compress.datasets.splits import Dataset
from compress.errors import UserError, first_line
from compress.targets import ClassSets, Quantities, Targets

IMAGES, TABLE = "images", "labels.csv"
HOW = "the first row names the columns: file, and one for each class (0 or 1) or number; or file and labels (a|b|c)"
SPLITS = ("train", "validation", "test")
FILE = ("file", "filename", "image", "path")
"""What the column of files may be called."""
SPELT = {"train": "train", "training": "train", "val": "validation", "valid": "validation",
         "validation": "validation", "test": "test"}  # fmt: skip
"""What a split may be called -> what it is."""


@config
class CsvFolder(DatasetConfig):
    """``path``/labels.csv, and the files that its first column names in ``path``/images/ (or in ``path`` itself).

    Its first row names the columns: "file", and then one of

    - a column for each class, 0 or 1 (several classes an image: the task multi_label),
    - one column of classes' names with "|" between them, empty for none (multi_label),
    - a column for each number (the task regression).

    ``targets`` says "classes" or "numbers" where columns of 0 and 1 are numbers. A column "split" of train, validation
    and test says which is which; without it, 20 % are held out for test and 10 % of the rest for validation, with
    constant seeds. Images are read as those of a folder of classes.
    """

    name: Literal["csv"] = "csv"
    path: str
    """Folder that contains labels.csv: absolute, or relative to the current folder or --data-dir."""
    fit: Fit = "stretch"
    """How an image with another aspect ratio is brought to ``size``: stretched, cropped at the centre, or padded with
    black."""
    targets: Literal["classes", "numbers"] | None = None
    """Whether the columns contain classes or numbers. Default: columns that hold only 0 and 1 are classes."""

    @classmethod
    def is_at(cls, path: Path) -> bool:
        return (path / TABLE).is_file()

    def load(self, data_dir: Path | None = None, skip_bad_images: bool = False) -> Dataset:
        """See ``DatasetConfig.load``. Raises UserError naming the row of the table that is wrong, and the file."""
        root = located(self.path, data_dir, f"folder with a {TABLE}", lambda path: (path / TABLE).is_file())
        table = root / TABLE
        header, rows = read_table(table)
        files = [_file(root, row[0], table, number) for number, row in enumerate(rows, start=2)]
        names, targets, task = _targets(table, header, rows, self.targets)
        parts = _parts(table, header, rows)
        look = Look(self.size, self.fit, self.channels)
        in_memory = len(files) * math.prod(look.shape) <= MEMORY_LIMIT
        store, bad = check(Listing(files, targets, Counter()), look, in_memory)
        notes = [f"{len(files)} images of {table}: the task is {task}"]
        faults = left_out_note(bad, skip_bad_images)
        readable = {path: row for row, path in enumerate(store.paths)}
        chosen = {
            part: np.array([readable[files[row]] for row in rows_of if files[row] in readable], np.int64)
            for part, rows_of in parts.items()
        }
        held_out = held_out_rows({part: store.targets.take(rows_of) for part, rows_of in chosen.items()})
        notes += split_notes(held_out, "{} rows", "the others", "images")
        chosen |= {part: chosen["train"][rows_of] for part, rows_of in held_out.items()}
        if empty := [part for part in SPLITS if not len(chosen[part])]:
            raise UserError(f"{table}: no readable image is left for the split {empty[0]}")
        cuts = self.augmentation.resized_crop is not None
        train, validation, test = [
            store.take(chosen[part]).as_split(look, from_files=cuts and part == "train") for part in SPLITS
        ]
        return Dataset.of(self.name, names, train, validation, test, notes, task, faults=faults)


def read_table(table: Path) -> tuple[list[str], list[list[str]]]:
    """(names of the columns, the rows), each stripped. Raises UserError for what is no such table."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = [[cell.strip() for cell in row] for row in csv.reader(file) if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{table} cannot be read: {first_line(error)}") from error
    if len(rows) < 2 or len(rows[0]) < 2 or rows[0][0].lower() not in FILE:
        raise UserError(f"{table} is not a table of labels: {HOW}")
    header = rows[0]
    if doubled := {name for name in header if header.count(name) > 1}:
        raise UserError(f"{table}: two columns have the name {min(doubled)!r}")
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            raise UserError(f"{table}: row {number} has {len(row)} cells, but the first row has {len(header)}")
    listed = [row[0] for row in rows[1:]]
    if len(set(listed)) < len(listed):
        twice = next(name for number, name in enumerate(listed) if name in listed[:number])
        raise UserError(f"{table} lists {twice} twice")
    return header, rows[1:]


def _file(root: Path, name: str, table: Path, number: int) -> Path:
    for path in (root / IMAGES / name, root / name):
        if path.is_file():
            return path
    raise UserError(f"{table}: row {number} names {name}, which is neither in {root / IMAGES} nor in {root}")


def _targets(
    table: Path, header: Sequence[str], rows: Sequence[Sequence[str]], wanted: str | None
) -> tuple[list[str], Targets, str]:
    """(names, targets, task) of the columns that are neither the file nor the split."""
    columns = [number for number, name in enumerate(header) if number and name.lower() != "split"]
    names = [header[number] for number in columns]
    if not columns:
        raise UserError(f"{table} has no column with labels: {HOW}")
    cells = [[row[number] for number in columns] for row in rows]
    numbers = [[_number(cell) for cell in row] for row in cells]
    wrong = [(row, column) for row, line in enumerate(numbers) for column, value in enumerate(line) if value is None]
    if wrong and len(columns) == 1 and wanted != "numbers":
        return _sets([row[0] for row in cells], table)
    if wrong:
        row, column = wrong[0]
        raise UserError(f"{table}: row {row + 2}, column {names[column]!r}: {cells[row][column]!r} is not a number")
    values = np.array(numbers, np.float64)
    zero_or_one = bool(np.isin(values, (0, 1)).all())
    if wanted == "classes" and not zero_or_one:
        raise UserError(f"{table}: a column per class must contain only 0 and 1, but there are other numbers")
    if zero_or_one and wanted != "numbers":
        if absent := [name for name, column in zip(names, values.T, strict=True) if not column.any()]:
            raise UserError(f"{table}: no image has the class {absent[0]!r}")
        return names, ClassSets(values), "multi_label"
    return names, Quantities(values), "regression"


def _sets(cells: Sequence[str], table: Path) -> tuple[list[str], Targets, str]:
    """Of "a|b|c" a row; the classes in alphabetical order."""
    sets = [{part.strip() for part in cell.split("|") if part.strip()} for cell in cells]
    names = sorted(set().union(*sets))
    if len(names) < 2:
        raise UserError(
            f"{table} has only one class, {names[0] if names else 'none'}: classification needs at least two"
        )
    return names, ClassSets(np.array([[name in row for name in names] for row in sets])), "multi_label"


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _parts(table: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, list[int]]:
    """Part -> its rows; all are train where no column says which they are."""
    column = next((number for number, name in enumerate(header) if number and name.lower() == "split"), None)
    if column is None:
        return {"train": list(range(len(rows)))}
    parts: dict[str, list[int]] = {"train": []}
    for number, row in enumerate(rows):
        if row[column].lower() not in SPELT:
            raise UserError(
                f"{table}: row {number + 2} has the split {row[column]!r}; it must be train, validation or test"
            )
        parts.setdefault(SPELT[row[column].lower()], []).append(number)
    if not parts["train"]:
        raise UserError(f"{table} has no row with the split train")
    return parts
