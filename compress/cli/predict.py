"""``jetslim predict``."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from compress.cli.data import image_shape
from compress.cli.model_options import output_option, pixels_option, say, size_option


@click.command()
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@click.argument("images", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--top", type=click.IntRange(min=1), default=1, show_default=True, help="How many classes to print.")
@pixels_option
@size_option
@output_option
def predict(
    model: Path,
    images: tuple[Path, ...],
    top: int,
    pixels: Any,
    size: tuple[int, int] | None,
    output: str | None,
) -> None:
    """Print the most likely class of each of IMAGES, with its probability.

    MODEL is a .tflite file of any maker, a SavedModel, a .keras or .h5 file, or a stage's folder in the store.
    IMAGES are files, or folders of them.

    \b
    Examples:
      jetslim predict runs/densenet121/5-exported/model.tflite seven.png
      jetslim predict theirs.tflite photos/test --top 3 --pixels 0..255
    """
    import numpy as np

    from compress.datasets.images import UNREADABLE, decode
    from compress.errors import UserError
    from compress.evaluate import Wishes, class_names, image_fit, labels, open_model, probabilities

    found = open_model(model)
    sides, channels = image_shape(model, found.shape, size)
    ready = found.ready((*sides, channels), Wishes(pixels, output), len(labels(model)) or None, None, say)
    names, fit = class_names(model, ready.classes), image_fit(model)
    if ready.ends_in == "LOGISTIC":
        say(f"note: {model} has a sigmoid for each class: its numbers are no shares of one whole")
    for path in _files(images):
        try:
            image = decode(path, sides, fit, channels)
        except UNREADABLE as error:
            raise UserError(f"{path} cannot be read as an image: {error}") from error
        row = probabilities(ready.predict(image[None]), ready.ends_in)[0]
        best = np.argsort(-row, kind="stable")[:top]
        click.echo(f"{path}: {', '.join(f'{names[index]} ({row[index]:.1%})' for index in best)}")


def _files(paths: tuple[Path, ...]) -> Iterator[Path]:
    """The files among the paths, and the images in the folders among them, in order of their names."""
    from compress.datasets.folder import SUFFIXES
    from compress.errors import UserError

    for path in paths:
        if not path.is_dir():
            yield path
            continue
        inside = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
        if not inside:
            raise UserError(f"{path} has no images")
        yield from inside
