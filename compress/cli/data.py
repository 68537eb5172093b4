"""The data set that a model in hand is judged on: ``--data`` and ``--split`` of several commands."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from compress.cli.options import data_options


def split_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--data``, ``--split``, ``--data-dir`` and ``--skip-bad-images``."""
    command = click.option(
        "--split", type=click.Choice(["train", "validation", "test"]), default="test", show_default=True
    )(data_options(command))
    return click.option(
        "--data", default="digits", show_default=True, help="Name of a data set, or a folder with train/ and test/."
    )(command)


def open_data(data: str, size: int, fit: Any, data_dir: Path | None, skip_bad_images: bool) -> Any:
    """The data set of that name, or in that folder, at ``size`` pixels; ``fit`` is how images become square."""
    from compress.datasets import DATASETS, DatasetConfig
    from compress.datasets.folder import Folder
    from compress.errors import unknown

    if Path(data).is_dir():
        source: DatasetConfig = Folder(size=size, path=data, fit=fit)
    elif data in DATASETS and data != "folder":
        source = DATASETS[data](size=size)
    else:
        raise unknown("data set", data, [name for name in DATASETS if name != "folder"])
    return source.load(data_dir, skip_bad_images)


def check_classes(model: Path, classes: int, data: str, dataset: Any) -> None:
    """Raises UserError unless the model, of so many classes, was made for those of the data set."""
    from compress.errors import UserError
    from compress.evaluate import class_names

    if classes != len(dataset.classes):
        raise UserError(f"{model} tells {classes} classes apart, {data} has {len(dataset.classes)}")
    names = class_names(model, classes)
    if names != [str(number) for number in range(classes)] and names != list(dataset.classes):
        raise UserError(f"{model} was made for the classes {few(names)}; {data} has {few(dataset.classes)}")


def few(names: Sequence[str]) -> str:
    """The first names of a list that may be long."""
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
