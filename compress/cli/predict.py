"""``jetslim predict``."""

from pathlib import Path

import click


@click.command()
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@click.argument("images", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def predict(model: Path, images: tuple[Path, ...]) -> None:
    """Print the most likely class of each IMAGE, with its probability.

    MODEL is a .tflite file, a SavedModel, or a stage's folder in the store.

    \b
    Example:
      jetslim predict runs/densenet121/5-exported/model.tflite seven.png
    """
    import numpy as np

    from compress.datasets.images import UNREADABLE, decode
    from compress.errors import UserError
    from compress.evaluate import class_names, image_fit, open_model, probabilities

    predictor, size, classes = open_model(model)
    names = class_names(model, classes)
    for path in images:
        try:
            pixels = decode(path, size, image_fit(model))
        except UNREADABLE as error:
            raise UserError(f"{path} cannot be read as an image: {error}") from error
        row = probabilities(predictor(pixels[None]))[0]
        best = int(np.argmax(row))
        click.echo(f"{path}: {names[best]} ({row[best]:.1%})")
