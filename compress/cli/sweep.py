"""``jetslim sweep``."""

from pathlib import Path
from typing import Any

import click

from compress.cli.options import (
    cache_option,
    data_options,
    runs_option,
    store_option,
    strategy_option,
    sweep_options,
)
from compress.cli.screen import Screen, screen_options


@click.command(short_help="Run a pipeline at several settings.")
@sweep_options
@data_options
@store_option
@cache_option
@runs_option("Folder in which the sweep's folder with its tables and plots is written.")
@click.option("--name", help="Name of the sweep's folder inside --runs.  [default: PIPELINE-sweep]")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Number of points that run at the same time on this machine.",
)
@click.option(
    "--ray", metavar="ADDRESS", help="Address of the Ray cluster on which the points run (needs jetslim[ray])."
)
@strategy_option(
    ("mirrored",),
    "mirrored: train each point on all GPUs that it is given (how-to/several-gpus.md of the documentation).",
)
@screen_options()
def sweep(
    pipeline: str,
    settings: tuple[str, ...],
    seed: int | None,
    teacher: str | None,
    trained: bool,
    data_dir: Path | None,
    skip_bad_images: bool,
    store_folder: Path,
    cache_limit_bytes: float,
    runs: Path,
    name: str | None,
    jobs: int,
    ray: str | None,
    strategy: str | None,
    screen: Screen,
) -> None:
    """Run PIPELINE at every combination of some fields' values; stages that points share are made once.

    The values come from --set or from a [sweep] table in the file. RUNS/PIPELINE-sweep/ will hold sweep.csv, sweep.md,
    plots of every metric (a curve over one field, a heat map over two; over seeds their mean), and a folder for each
    point. Stopped at any moment, the same command goes on. Exits with 1 if a point failed, 2 if none can be run.

    \b
    Examples:
      jetslim sweep densenet121 --set pruned.final_sparsity=0.5,0.7,0.85,0.9
      jetslim sweep densenet121 --set pruned.final_sparsity=0.7,0.9 --set quantized.epochs=1,2 --jobs 2
      jetslim sweep my.toml --set seed=0,1,2 --set 'teacher.drop_after=[10, 15],[12]'
      jetslim sweep my.toml --ray 10.0.0.1:6379 --store /shared/store
    """
    from compress.artifacts import Store
    from compress.errors import Failure, UserError
    from compress.sweep import page, plots
    from compress.sweep.cluster import Cluster
    from compress.sweep.load_sweep import read_sweep
    from compress.sweep.local import Processes
    from compress.sweep.plan import plan_points
    from compress.sweep.run import run

    if ray is not None and jobs > 1:
        raise UserError(
            "--jobs and --ray cannot be combined: on a Ray cluster, the cluster decides how many points run at a time"
        )
    if strategy is not None and jobs > 1:
        raise UserError("--strategy mirrored uses all GPUs of this machine for each point: use --jobs 1, or --ray")
    wanted = read_sweep(pipeline, settings, seed, teacher, trained)
    planned = plan_points(wanted, pipeline, teacher, trained, data_dir, skip_bad_images)
    for note in dict.fromkeys(note for point in planned for note in point.plan.dataset.notes):
        screen.remark(f"note: {note}")
    folder = runs / (name or f"{wanted.pipeline}-sweep")

    def start_workers(points: int) -> Any:
        retries = wanted.resources.max_retries
        return Cluster(ray, wanted.resources) if ray is not None else Processes(min(jobs, points), retries)

    store = Store(store_folder, cache_limit_bytes)
    state = run(
        planned, wanted.fields, start_workers, store, folder, screen.remark, data_dir, skip_bad_images, strategy
    )
    written = plots.write(state.rows(), wanted.fields, wanted.pipeline, folder / "plots", state.metrics)
    pages = page.write(state.rows(), wanted.fields, list(state.runs.values()), wanted.pipeline, folder)
    screen.json({"folder": str(folder), "fields": list(wanted.fields), "points": state.rows()})
    screen.line()
    screen.line((folder / "sweep.md").read_text())
    screen.line(f"report:  {pages[0]}")
    screen.line(f"tables:  {folder / 'sweep.csv'}, {folder / 'sweep.md'}")
    if written:
        screen.line(f"plots:   {folder / 'plots'}/<metric>.png")
    screen.line(f"points:  {folder}/<point>/table.md, with links to what each stage made")
    if state.causes:
        number, cause = min(state.causes.items())
        raise Failure(
            f"{len(state.causes)} of {len(planned)} points failed (point {number}: {cause}); run the same "
            "command again to retry them"
        )
