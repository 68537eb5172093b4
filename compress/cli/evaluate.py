"""``jetslim evaluate``."""

from pathlib import Path
from typing import Any

import click

from compress.cli.data import check_classes, open_data, split_options
from compress.cli.model_options import output_option, pixels_option, say, size_option


@click.command()
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@split_options
@pixels_option
@size_option
@output_option
def evaluate(
    model: Path,
    data: str,
    split: str,
    data_dir: Path | None,
    skip_bad_images: bool,
    pixels: Any,
    size: tuple[int, int] | None,
    output: str | None,
) -> None:
    """Print the top-1 of MODEL on a data split.

    MODEL is a .tflite file of any maker, a SavedModel, a .keras or .h5 file, or a stage's folder in the store.

    \b
    Examples:
      jetslim evaluate runs/densenet121/5-exported/model.tflite
      jetslim evaluate runs/densenet121/1-teacher --data cifar10 --data-dir ~/data
      jetslim evaluate theirs.tflite --data photos --pixels -1..1
    """
    from compress.evaluate import Wishes, open_model, outputs
    from compress.tasks import classification

    found = open_model(model)
    dataset = open_data(data, model, found.shape, size, data_dir, skip_bad_images)
    check_classes(model, found.classes, data, dataset)
    ready = found.ready(dataset.shape, Wishes(pixels, output), len(dataset.classes), dataset.validation, say)
    check_classes(model, ready.classes, data, dataset)
    images = getattr(dataset, split)
    top1 = classification.top1(outputs(ready.predict, images), images.labels)
    click.echo(f"top-1 {top1:.2%} ({round(top1 * len(images))} of {len(images)} {split} images of {dataset.name})")
