"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

FOLDER = click.Path(file_okay=False, path_type=Path)


def store_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--store``."""
    return click.option(
        "--store",
        "store_folder",
        type=FOLDER,
        default=Path("store"),
        envvar="JETSLIM_STORE",
        show_default=True,
        show_envvar=True,
        help="Folder of finished stages.",
    )(command)


def data_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--data-dir`` and ``--skip-bad-images``."""
    command = click.option(
        "--skip-bad-images", is_flag=True, help="Leave out images that cannot be read, and list them."
    )(command)
    return click.option(
        "--data-dir",
        type=FOLDER,
        envvar="JETSLIM_DATA",
        show_envvar=True,
        help="Where cifar10, cifar100 or a relative folder of images lie.",
    )(command)


def pipeline_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The PIPELINE argument, ``--teacher``, ``--set`` and ``--seed``."""
    command = click.option(
        "--teacher", metavar="NETWORK", help="Where PIPELINE is a network: it learns from this one."
    )(command)
    command = click.option("--seed", type=int, help="Instead of the file's seed.")(command)
    command = click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="STAGE.KEY=VALUE",
        help="Change a field of the file; may be given several times.",
    )(command)
    return click.argument("pipeline")(command)
