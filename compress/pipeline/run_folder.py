"""The readable view of a pipeline's results: runs/<pipeline>/<number>-<stage> -> the stage's artifact."""

import os
from pathlib import Path
from typing import Any

from compress.artifacts import Artifact
from compress.training import csv_history


def link(folder: Path, number: int, stage: str, artifact: Path) -> None:
    """Points ``<number>-<stage>`` at the artifact, in one step; an older link of that number goes."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{number}-{stage}"
    for old in folder.glob(f"{number}-*"):
        if old.is_symlink() and old.name != name:
            old.unlink(missing_ok=True)
    part = folder / f".{name}.{os.getpid()}"
    part.unlink(missing_ok=True)
    part.symlink_to(artifact.resolve(), target_is_directory=True)
    part.replace(folder / name)


def drop_after(folder: Path, last: int) -> None:
    """Removes links of stages that the pipeline had once, behind its ``last`` one of today."""
    for old in folder.glob("[0-9]*-*"):
        if old.is_symlink() and int(old.name.partition("-")[0]) > last:
            old.unlink(missing_ok=True)


def history(artifact: Artifact) -> list[dict[str, Any]]:
    """The stage's epochs, values as text; none for a stage that does not train."""
    return csv_history.read_rows(artifact.path / "history.csv")
