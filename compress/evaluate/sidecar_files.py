"""What lies beside a model and tells of it: its task, the names of its outputs, and how images were fitted."""

import json
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from compress import config
from compress.errors import UserError, few
from compress.tasks import TASKS, Task

NUMBERED = re.compile(r"(\d+)[\s:,]+(.+)")


def label_names(path: Path, width: int) -> tuple[str, ...]:
    """The labels of the model, where there are so many; else numbers."""
    names = labels(path)
    return tuple(names if len(names) == width else map(str, range(width)))


def task_of(path: Path) -> Task | None:
    """The task that the model.json or stage.json beside the model names; None where there is none.

    Raises UserError for one that is unknown here.
    """
    folder = _folder(path)
    for name in ("model.json", "stage.json"):
        told = _read(folder / name).get("task") if (folder / name).is_file() else None
        if isinstance(told, dict):
            where = f"{folder / name}: task"
            return config.parse(config.pick(TASKS, told, "name", "task", where), told, where)
    return None


def guessed(path: Path, known: Task, fitted: Task, data: str) -> list[str]:
    """A line for each setting of READ_WITH that neither the task as it is ``known`` nor what lies beside the model
    gives, so that it is the one of the data, to which the task is ``fitted``."""
    if task_of(path) is not None:
        return []
    return [
        f"note: no model.json or stage.json beside {path} gives the {setting} of its training, so it is taken from the "
        f"training targets of {data}: {setting} = {getattr(fitted, setting):g}"
        for setting in fitted.READ_WITH
        if getattr(known, setting) is None
    ]


def labels(path: Path) -> list[str]:
    """The names in the labels.txt beside the model, in a stage's stage.json, or in the .tflite itself; [] for none.

    Numbers that stand in front of the names are left out of lists that are not of an export.
    """
    folder = _folder(path)
    if (folder / "labels.txt").is_file():
        text = (folder / "labels.txt").read_text(errors="replace")
        return text.splitlines() if (folder / "model.json").is_file() else _names(text)
    if (folder / "stage.json").is_file():
        return list(_read(folder / "stage.json").get("label_names", []))
    return _names(_packed(path))


def check_labels(path: Path, known: Sequence[str], data: str) -> None:
    """Raises UserError for a model of as many classes as the ``data`` have, which name them ``known``, that was made
    for others or numbers them in another order. What lies beside a model may name none, or number them."""
    names = labels(path)
    if len(names) == len(known) and names != list(map(str, range(len(names)))) and names != list(known):
        raise UserError(f"{path} was made for the classes {few(names)}, but {data} has {few(known)}")


def image_fit(path: Path) -> Any:
    """How images were made to fit the model, by the model.json or stage.json beside it: "stretch", "crop" or "pad"."""
    folder = _folder(path)
    if (folder / "model.json").is_file():
        return _read(folder / "model.json").get("preprocessing", {}).get("fit", "stretch")
    if (folder / "stage.json").is_file():
        return _read(folder / "stage.json").get("fit", "stretch")
    return "stretch"


def is_ours(path: Path) -> bool:
    """Whether jetslim exported the file, by the model.json or the bundle's manifest.json that lies beside it."""
    paths = (path.with_name(name) for name in ("model.json", "manifest.json"))
    listed = [_read(file).get("files", {}) for file in paths if file.is_file()]
    return any(isinstance(files, dict) and path.name in files for files in listed)


def _folder(path: Path) -> Path:
    """Where those files of a model lie. A SavedModel of a stage is a folder beside the stage.json."""
    is_saved_model = (path / "saved_model.pb").is_file() and (path.parent / "stage.json").is_file()
    return path if path.is_dir() and not is_saved_model else path.parent


def _names(text: str) -> list[str]:
    """One a line; "0 cat", "1 dog" are "cat", "dog".

    >>> _names("0 cat\\n1 wild dog\\n"), _names("1 cat\\n1 dog\\n")
    (['cat', 'wild dog'], ['1 cat', '1 dog'])
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    numbered = [NUMBERED.fullmatch(line) for line in lines]
    if all(match and int(match[1]) == number for number, match in enumerate(numbered)):
        return [match[2] for match in numbered if match]
    return lines


def _packed(path: Path) -> str:
    """The list of labels that a .tflite with metadata carries behind its end, as a zip archive."""
    if not path.is_file() or path.suffix != ".tflite" or not zipfile.is_zipfile(path):
        return ""
    with zipfile.ZipFile(path) as archive:
        lists = [name for name in archive.namelist() if name.endswith(".txt")]
        return archive.read(lists[0]).decode(errors="replace") if len(lists) == 1 else ""


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except ValueError:  # another program's file of this name
        return {}
    return content if isinstance(content, dict) else {}
