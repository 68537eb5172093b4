"""``jetslim store``: what is in the store, and how to make it smaller."""

import time
from pathlib import Path
from typing import Any

import click

from compress.cli.options import Number, cache_option, store_option
from compress.cli.screen import Screen, screen_options


@click.group(short_help="List or clean the folder of finished stages.")
def store() -> None:
    """List or clean the folder of finished stages.

    \b
    Example:
      jetslim store list
    """


@store.command("list")
@store_option
@cache_option
@screen_options()
def list_(store_folder: Path, cache_limit_bytes: float, screen: Screen) -> None:
    """List every finished stage with its size, what was interrupted, and what is kept of teachers' outputs.

    \b
    Example:
      jetslim store list
    """
    from compress.artifacts import Store
    from compress.artifacts.store import size_bytes
    from compress.results import MadeFacts

    opened = Store(store_folder, cache_limit_bytes)
    stages: list[dict[str, Any]] = []
    interrupted: list[dict[str, Any]] = []
    for artifact in opened:
        facts, size = artifact.facts_as(MadeFacts), size_bytes(artifact.path)
        made = time.localtime((artifact.path / "stage.json").stat().st_mtime)
        told = {"kind": facts.kind, "pipeline": facts.pipeline, "name": facts.name}
        stages.append({"key": artifact.key, "made": time.strftime("%Y-%m-%dT%H:%M:%S%z", made), "bytes": size, **told})
        date = time.strftime("%Y-%m-%d %H:%M", made)
        screen.line(f"{artifact.key}  {date}  {size / 1e6:8.1f} MB  {facts.kind:<9} {facts.pipeline}/{facts.name}")
    for work in opened.unfinished():
        interrupted.append({"key": work.name, "bytes": (size := size_bytes(work))})
        screen.line(f"{work.name}  interrupted       {size / 1e6:8.1f} MB")
    outputs = {"files": len(list(opened.outputs)), "bytes": opened.outputs.size_bytes}
    if outputs["files"]:
        count = f"{outputs['files']} files (kept up to {opened.outputs.limit_bytes / 1e6:g} MB)"
        screen.line(f"teachers' outputs                     {outputs['bytes'] / 1e6:8.1f} MB  {count}")
    total = outputs["bytes"] + sum(entry["bytes"] for entry in (*stages, *interrupted))
    screen.json(
        {
            "store": str(store_folder),
            "bytes": total,
            "stages": stages,
            "interrupted": interrupted,
            "teachers_outputs": outputs,
        }
    )
    screen.line(f"{store_folder}: {total / 1e6:.1f} MB")


@store.command()
@store_option
@click.option(
    "--days",
    type=Number(min=0),
    default=30.0,
    show_default=True,
    help="Delete stages that are older than this many days.",
)
@click.option("--yes", is_flag=True, help="Delete without asking first.")
@screen_options()
def prune(store_folder: Path, days: float, yes: bool, screen: Screen) -> None:
    """Delete finished and interrupted stages older than --days.

    Deleted stages are made again when a pipeline needs them.

    \b
    Examples:
      jetslim store prune
      jetslim store prune --days 0 --yes      # everything
    """
    from compress.artifacts import Store
    from compress.artifacts.store import size_bytes

    opened, limit = Store(store_folder), time.time() - days * 86400
    doomed = [a.path for a in opened if (a.path / "stage.json").stat().st_mtime <= limit]
    doomed += [path for path in opened.unfinished() if path.stat().st_mtime <= limit]
    outputs = opened.outputs.not_read_since(limit)
    if not doomed and not outputs:
        screen.json({"stages": 0, "teachers_outputs": 0, "bytes": 0})
        screen.line(f"nothing in {store_folder} is older than {days:g} days")
        return
    size = sum(size_bytes(path) for path in [*doomed, *outputs] if path.exists())
    what = f"{len(doomed)} stages" + (f" and {len(outputs)} teachers' outputs" if outputs else "")
    if not yes:
        click.confirm(f"Delete {what}, {size / 1e6:.1f} MB?", abort=True)
    freed = sum(opened.remove(path) for path in doomed) + sum(opened.outputs.remove(path) for path in outputs)
    screen.json({"stages": len(doomed), "teachers_outputs": len(outputs), "bytes": freed})
    screen.line(f"deleted {what}, {freed / 1e6:.1f} MB")
