"""``jetslim shrink``."""

from pathlib import Path

import click

from compress.cli.completion import networks
from compress.cli.options import force_option, runs_option, store_option
from compress.cli.screen import Screen, screen_options


@click.command(short_help="Make one network small and fast, in one line.")
@click.argument("network", shell_complete=networks)
@click.option(
    "--data", required=True, metavar="DATA", help="A folder of images, an .npz file, or the name of a data set."
)
@click.option(
    "--recipe", default="default", show_default=True, help="Name or file of the pipeline to run; ptq takes seconds."
)
@click.option("--teacher", metavar="NETWORK", help="Larger network that NETWORK learns from first (a name or a path).")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="STAGE.KEY=VALUE",
    help="Change a field of the pipeline; may be given several times.",
)
@click.option("--seed", type=int, help="Random seed, instead of the pipeline's own.")
@store_option
@runs_option()
@force_option
@screen_options(quiet_help="Print nothing but the path of the exported file, and errors.")
def shrink(
    network: str,
    data: str,
    recipe: str,
    teacher: str | None,
    settings: tuple[str, ...],
    seed: int | None,
    store_folder: Path,
    runs: Path,
    force: bool,
    screen: Screen,
) -> None:
    """Make NETWORK small and fast on DATA: a trained one of your own, or a name of keras.applications, trained first.

    \b
    Examples:
      jetslim shrink net.keras --data photos
      jetslim shrink net.keras --data photos --recipe ptq
      jetslim shrink mobilenetv2 --data digits --set trained.epochs=4
    """
    from compress.api import shrink as make
    from compress.cli.run import show

    result = make(
        network, data=data, recipe=recipe, teacher=teacher, settings=settings, seed=seed, store=store_folder, runs=runs,
        force=force, progress=screen.progress(),
    )  # fmt: skip
    show(result.run, result.folder, [result.folder / name for name in ("table.csv", "table.md")], screen)
