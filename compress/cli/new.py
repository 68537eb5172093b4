"""``jetslim new``."""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from compress.cli.completion import networks
from compress.cli.options import Number, data_options
from compress.cli.screen import Screen, screen_options


@click.command(short_help="Write a pipeline file for your data and your network.")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--data", metavar="DATA", help="A folder of images, an .npz file, or the name of a data set.")
@click.option("--network", metavar="NETWORK", shell_complete=networks,
              help="Name of a network in keras.applications, or path of your own network file.")  # fmt: skip
@click.option("--trained/--untrained", default=None,
              help="Use your own network as it is, or train it first.  [default: decided by its weights]")  # fmt: skip
@click.option(
    "--teacher",
    metavar="NETWORK",
    shell_complete=networks,
    help="Larger network that yours learns from first (a name or a path).",
)
@click.option("--narrow", type=Number(0, 1, min_open=True, max_open=True), metavar="SHARE",
              help="Remove channels until this fraction of the latency is left, such as 0.5.")  # fmt: skip
@click.option(
    "--size",
    type=click.IntRange(min=8),
    help="Side of the square images, in pixels.  [default: chosen for the network and the images]",
)
@click.option("--pixels", metavar="NAME", help="Range of the pixel values that your network expects, such as 0..255.")
@data_options
@screen_options()
def new(
    file: Path | None,
    data: str | None,
    network: str | None,
    trained: bool | None,
    teacher: str | None,
    narrow: float | None,
    size: int | None,
    pixels: str | None,
    data_dir: Path | None,
    skip_bad_images: bool,
    screen: Screen,
) -> None:
    """Write a pipeline FILE with comments, for your data and your network, which is checked first.

    Asks for data and network where they are not given. Your images are looked at (which kind of data set, classes,
    sizes, what is to be predicted), and so is a network of your own (what it reads, whether it is trained, which pixels
    it expects). A file that is there already is never written over.

    \b
    Examples:
      jetslim new
      jetslim new my.toml --data photos --network net.keras
      jetslim new --data photos --network mobilenetv2 --teacher resnet50 --narrow 0.5
    """
    from compress.api.draft import Wanted, draft
    from compress.errors import UserError
    from compress.models import MODELS

    if data is None or network is None:
        if not can_ask():
            missing = [option for option, value in (("--data", data), ("--network", network)) if value is None]
            raise UserError(
                f"give {' and '.join(missing)}: nobody can be asked, because standard input is not a terminal"
            )
        data = data or click.prompt("Your data (a folder of images, an .npz, or a data set's name)", default="digits")
        network = network or click.prompt("Your network (a path, or a name such as mobilenetv2)")
        if teacher is None and network in MODELS:
            question = "A larger network to learn from first (a name or a path; empty for none)"
            teacher = click.prompt(question, default="", show_default=False) or None
        if narrow is None and click.confirm("Remove channels, to make it faster"):
            narrow = click.prompt("Share of the latency to be left", default=0.5, type=Number(0.01, 0.99))
    path = file or Path(f"{Path(network).stem}.toml")
    if path.suffix != ".toml":
        raise UserError(f"{path} does not end in .toml: `jetslim run` would take it for a network")
    if path.exists():
        raise UserError(f"{path} already exists and is not overwritten: choose another file name")
    wanted = Wanted(data, network, bool(trained), teacher or "", narrow, size, pixels or "")
    draft(wanted, path.name)  # mistakes in names show before anything is read
    known: list[str] = []
    if network not in MODELS:
        is_trained, line = _known_of(network)
        known = [line]
        if trained is None and not teacher:
            wanted = replace(wanted, trained=is_trained)
    try:
        found = look(wanted, path.name, data_dir, skip_bad_images, screen, known)
    except UserError as error:
        if pixels is not None or "data.pixels" not in str(error):
            raise
        if not can_ask():
            raise UserError(f"{error} (with this command: --pixels)") from error
        wanted = replace(wanted, pixels=_asked_pixels(str(error)))
        found = look(wanted, path.name, data_dir, skip_bad_images, screen, known)
    with path.open("x") as written:
        written.write(draft(wanted, path.name, found))
    screen.json({"file": str(path), "found": list(found)})
    screen.line(f"{path} is written: read it, then `jetslim check {path}` and `jetslim run {path}`")


def can_ask() -> bool:
    """Whether somebody sits at the keyboard."""
    return sys.stdin.isatty()


def _asked_pixels(reason: str) -> str:
    from compress.pixels import PIXELS

    click.echo(reason)
    chosen: str = click.prompt("Which pixels does it expect", type=click.Choice(list(PIXELS)))
    return chosen


def _known_of(path: str) -> tuple[bool, str]:
    """(whether a network of the user's was trained, what it reads and gives in a line). Loads TensorFlow."""
    from compress.evaluate.expected_pixels import is_fresh
    from compress.evaluate.tflite_predictor import shape_text
    from compress.models.network_file import read_network

    model = read_network(path)
    fresh = is_fresh(model)
    reads, gives = (shape_text(tensors[0].shape[1:]) for tensors in (model.inputs, model.outputs))
    activation = getattr(getattr(model.layers[-1], "activation", None), "__name__", "linear")
    end = "" if activation == "linear" else f", behind a {activation}"
    state = "was never trained: it is trained first" if fresh else "was trained: its weights are where it starts"
    return not fresh, f"{path} reads {reads} and gives {gives}{end}; it {state}"


def look(
    wanted: Any, name: str, data_dir: Path | None, skip_bad_images: bool, screen: Screen, known: list[str]
) -> tuple[str, ...]:
    """Checks the pipeline as `jetslim check` does and says what was found; what it is of data and network, a line each.

    ``known`` is what was found before.
    """
    from compress.api.carry_out import notes
    from compress.api.draft import draft
    from compress.artifacts import Store
    from compress.cli.run import headline, load_plan
    from compress.clock import Clock
    from compress.pipeline import Networks, look_ahead

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        file.write_text(draft(wanted, name))
        plan = load_plan(str(file), (), None, None, False, data_dir, skip_bad_images, clock := Clock())
        store = Store(Path(folder) / "store")
        progress, said = screen.progress(), list(known)
        progress.say = lambda line: said.append(line.strip())
        try:
            look_ahead(plan, store, Networks(plan, store, clock, progress), progress, clock)
        finally:
            progress.stop()
    for line in (headline(plan), *(f"note: {note}" for note in notes(plan)), *said):
        screen.remark(line)
    return (headline(plan), *said)
