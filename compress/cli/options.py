"""Options that several commands share."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from compress.cli.completion import networks, pipelines

FOLDER = click.Path(file_okay=False, path_type=Path)


class Number(click.FloatRange):
    """A number of a range; click's own takes nan, which no bound keeps out."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            raise click.BadParameter("nan is not a number", ctx, param)
        return number


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
        help="Folder in which finished stages are stored.",
    )(command)


def runs_option(
    meaning: str = "Folder in which the run's folder with its files, tables and report is written.",
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """``--runs``."""
    return click.option("--runs", type=FOLDER, default=Path("runs"), show_default=True, help=meaning)


def cache_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--cache-limit``."""
    return click.option(
        "--cache-limit",
        "cache_limit_bytes",
        type=Number(min=0),
        callback=_bytes,
        default=2000.0,
        envvar="JETSLIM_CACHE_LIMIT",
        show_default=True,
        show_envvar=True,
        metavar="MB",
        help="Maximum size of the stored teacher outputs, in MB (10^6 bytes); inf means no limit.",
    )(command)


def _bytes(_context: click.Context, _option: click.Parameter, megabytes: float) -> float:
    return megabytes * 1e6


def data_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--data-dir`` and ``--skip-bad-images``."""
    command = click.option(
        "--skip-bad-images", is_flag=True, help="Leave out images that cannot be read, and list them in a note."
    )(command)
    return click.option(
        "--data-dir",
        type=FOLDER,
        envvar="JETSLIM_DATA",
        show_envvar=True,
        help="Folder that contains cifar10, cifar100 or the data set named by a relative path.",
    )(command)


def force_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--force``."""
    return click.option(
        "--force", is_flag=True, help="Continue even if your trained network is no better than chance."
    )(command)


def strategy_option(names: Sequence[str], meaning: str) -> Callable[..., Any]:
    """``--strategy``, one of the names."""
    return click.option("--strategy", type=click.Choice(names), help=meaning)


def pipeline_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The PIPELINE argument, ``--teacher``, ``--set`` and ``--seed``."""
    return _pipeline("STAGE.KEY=VALUE", "Change a field of the pipeline; may be given several times.")(command)


def sweep_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same, where a field of ``--set`` may have several values."""
    return _pipeline(
        "FIELD=VALUE,...",
        "Values to try for a field (STAGE.KEY, data.KEY or seed), or one value for all points; several "
        'fields form a grid. A comma inside "quotes", [] or {} is part of its value: '
        "'teacher.drop_after=[10, 15],[12]'.",
    )(command)


def _pipeline(setting: str, meaning: str) -> Callable[..., Any]:
    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        command = click.option(
            "--teacher",
            metavar="NETWORK",
            shell_complete=networks,
            help="Only if PIPELINE is a network: the larger network that it learns from (a name or a path).",
        )(command)
        command = click.option(
            "--trained",
            is_flag=True,
            help="Only if PIPELINE is a network of your own: use it as it is, without training it first.",
        )(command)
        command = click.option("--seed", type=int, help="Random seed, instead of the pipeline's own.")(command)
        command = click.option("--set", "settings", multiple=True, metavar=setting, help=meaning)(command)
        return click.argument("pipeline", shell_complete=pipelines)(command)

    return decorate
