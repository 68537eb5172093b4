"""The data of the run in whose folder a model lies, which commands take where ``--data`` names no others."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from compress.results import DataFacts


def load_recorded(
    models: Sequence[Path],
    size: tuple[int, int] | None,
    data_dir: Path | None,
    skip_bad_images: bool,
    say: Callable[[str], None],
) -> Any:
    """The data set that the run of the first of the models recorded, loaded anew; None where there is no such run.

    ``say`` is told which data they are, and where they have changed. Raises UserError where they cannot be loaded.
    """
    from compress.config import parse, pick
    from compress.datasets import DATASETS
    from compress.errors import UserError

    found = find_recorded(models)
    if found is None:
        return None
    path, facts = found
    kind: Any = pick(DATASETS, facts.config, "name", "data set", f"{path}: data")
    config = parse(kind, facts.config, f"{path}: data")
    say(f"data: {' '.join(filter(None, (config.name, getattr(config, 'path', None))))}, as in {path}")
    try:
        dataset = (config if size is None else replace(config, size=size)).load(data_dir, skip_bad_images)
    except UserError as error:
        raise UserError(f"{error} (the data of {path}; --data names others)") from error
    if size is None and dataset.fingerprint != facts.fingerprint:
        say(f"note: these data have changed since {path} was written")
    return dataset


def find_recorded(models: Sequence[Path]) -> tuple[Path, DataFacts] | None:
    """(run.json, its data) of the first of the models that is a stage's entry in a run's folder, or a file in it."""
    from compress.errors import UserError
    from compress.results import read_run

    for model in models:
        for folder in model.absolute().parents[:2]:
            path = Path(os.path.relpath(folder / "run.json"))
            if path.is_file():
                try:
                    facts = read_run(path).data
                except UserError:  # another program's file of this name
                    continue
                if facts.config:
                    return path, facts
    return None
