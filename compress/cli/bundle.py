"""``jetslim bundle``."""

from pathlib import Path

import click

from compress.cli.options import data_options, pipeline_options, runs_option, store_option
from compress.cli.screen import Screen, screen_options


@click.command(short_help="Gather what a board needs in one folder.")
@pipeline_options
@data_options
@store_option
@runs_option("Folder that contains the run's folder, into which the bundle is written.")
@screen_options()
def bundle(
    pipeline: str,
    settings: tuple[str, ...],
    seed: int | None,
    teacher: str | None,
    trained: bool,
    data_dir: Path | None,
    skip_bad_images: bool,
    store_folder: Path,
    runs: Path,
    screen: Screen,
) -> None:
    """Put what a board needs of a finished PIPELINE into runs/PIPELINE/jetson-bundle.

    The runner, the exported model, the first stage's (for the ratio), test images, and a manifest with the sha256 of
    each file.

    \b
    Example:
      jetslim bundle densenet121
      scp -r runs/densenet121/jetson-bundle user@xavier:
    """
    from compress.artifacts import Store
    from compress.cli.run import load_plan
    from compress.clock import Clock
    from compress.pipeline.bundle import bundle as make

    plan = load_plan(pipeline, settings, seed, teacher, trained, data_dir, skip_bad_images, Clock())
    folder = runs / plan.pipeline.name / "jetson-bundle"
    manifest = make(plan, Store(store_folder), folder)
    screen.json({"folder": str(folder), "files": manifest["files"]})
    for name, facts in manifest["files"].items():
        screen.line(f"  {facts['bytes'] / 1e6:9.3f} MB  {name}")
    screen.line(f"bundle: {folder}")
