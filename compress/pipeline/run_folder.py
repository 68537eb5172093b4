"""The readable view of a pipeline's results: runs/<pipeline>/<number>-<stage>, which shows the stage's artifact.

A link to it; for an export a folder of links to its files, where a model card joins them: the store stays as it is.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from compress.artifacts import Artifact
from compress.results import CARD
from compress.training import csv_history

OF_EXPORT = "model.json"


def link(folder: Path, number: int, stage: str, artifact: Path) -> None:
    """Makes ``<number>-<stage>`` show the artifact; an older entry of that number goes, and so does its card."""
    entry = folder / f"{number}-{stage}"
    for old in folder.glob(f"{number}-*"):
        if old != entry:
            _drop(old)
    is_of_export = (artifact / OF_EXPORT).is_file()
    if is_of_export or not entry.is_symlink():  # a link to another artifact is replaced in one step
        _drop(entry)
    for path, target in [(entry / f.name, f) for f in artifact.iterdir()] if is_of_export else [(entry, artifact)]:
        _point(path, target)


def card_of(folder: Path, number: int, stage: str, artifact: Path) -> Path | None:
    """The card that a run left for an export, if it is of this artifact."""
    entry = folder / f"{number}-{stage}"
    of = (entry / OF_EXPORT).resolve().parent
    return entry / CARD if (entry / CARD).is_file() and of == artifact.resolve() else None


def drop_after(folder: Path, last: int) -> None:
    """Removes entries of stages that the pipeline had once, behind its ``last`` one of today."""
    for old in folder.glob("[0-9]*-*"):
        number = old.name.partition("-")[0]
        if number.isdecimal() and int(number) > last:
            _drop(old)


def _point(path: Path, target: Path) -> None:
    """Makes ``path`` a link to the target, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    part.symlink_to(target.resolve(), target_is_directory=target.is_dir())
    part.replace(path)


def _drop(entry: Path) -> None:
    """Removes an entry that ``link`` made; files that a user put into its folder stay, and so does that then."""
    if entry.is_symlink():
        entry.unlink(missing_ok=True)
    elif (entry / OF_EXPORT).is_symlink():
        for file in entry.iterdir():
            if file.is_symlink() or file.name == CARD:
                file.unlink(missing_ok=True)
        with suppress(OSError):  # it is not empty
            entry.rmdir()


def history(artifact: Artifact) -> list[dict[str, Any]]:
    """The stage's epochs, values as text; none for a stage that does not train."""
    return csv_history.read_rows(artifact.path / "history.csv")
