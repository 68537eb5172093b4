"""``jetslim store``: what is in the store, and how to make it smaller."""

import time
from pathlib import Path

import click

from compress.cli.options import cache_option, store_option


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
def list_(store_folder: Path, cache_limit_bytes: float) -> None:
    """List every finished stage with its size, what was interrupted, and what is kept of teachers' outputs.

    \b
    Example:
      jetslim store list
    """
    from compress.artifacts import Store
    from compress.artifacts.store import size_bytes
    from compress.results import MadeFacts

    opened, total = Store(store_folder, cache_limit_bytes), 0
    for artifact in opened:
        facts, size = artifact.facts_as(MadeFacts), size_bytes(artifact.path)
        total += size
        date = time.strftime("%Y-%m-%d %H:%M", time.localtime((artifact.path / "stage.json").stat().st_mtime))
        click.echo(f"{artifact.key}  {date}  {size / 1e6:8.1f} MB  {facts.kind:<9} {facts.pipeline}/{facts.name}")
    for work in opened.unfinished():
        total += (size := size_bytes(work))
        click.echo(f"{work.name}  interrupted       {size / 1e6:8.1f} MB")
    output_files = list(opened.outputs)
    if output_files:
        total += (size := opened.outputs.size_bytes)
        limit = opened.outputs.limit_bytes
        count = f"{len(output_files)} files (kept up to {limit / 1e6:g} MB)"
        click.echo(f"teachers' outputs                     {size / 1e6:8.1f} MB  {count}")
    click.echo(f"{store_folder}: {total / 1e6:.1f} MB")


@store.command()
@store_option
@click.option("--days", type=click.FloatRange(min=0), default=30.0, show_default=True, help="Delete what is older.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def prune(store_folder: Path, days: float, yes: bool) -> None:
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
        click.echo(f"nothing in {store_folder} is older than {days:g} days")
        return
    size = sum(size_bytes(path) for path in [*doomed, *outputs] if path.exists())
    what = f"{len(doomed)} stages" + (f" and {len(outputs)} teachers' outputs" if outputs else "")
    if not yes:
        click.confirm(f"Delete {what}, {size / 1e6:.1f} MB?", abort=True)
    freed = sum(opened.remove(path) for path in doomed) + sum(opened.outputs.remove(path) for path in outputs)
    click.echo(f"deleted {what}, {freed / 1e6:.1f} MB")
