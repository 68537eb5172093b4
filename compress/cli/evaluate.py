"""``jetslim evaluate``."""

from collections.abc import Sequence
from pathlib import Path

import click

from compress.cli.options import data_options


@click.command()
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--data", default="digits", show_default=True, help="Name of a data set, or a folder with train/ and test/."
)
@click.option("--split", type=click.Choice(["train", "validation", "test"]), default="test", show_default=True)
@data_options
def evaluate(model: Path, data: str, split: str, data_dir: Path | None, skip_bad_images: bool) -> None:
    """Print the top-1 of MODEL on a data split.

    MODEL is a .tflite file, a SavedModel, or a stage's folder in the store.

    \b
    Examples:
      jetslim evaluate runs/densenet121/5-exported/model.tflite
      jetslim evaluate runs/densenet121/1-teacher --data cifar10 --data-dir ~/data
    """
    from compress.datasets import DATASETS, DatasetConfig
    from compress.datasets.folder import Folder
    from compress.errors import UserError, unknown
    from compress.evaluate import class_names, image_fit, open_model, outputs
    from compress.tasks import classification

    predictor, size, classes = open_model(model)
    if Path(data).is_dir():
        source: DatasetConfig = Folder(size=size, path=data, fit=image_fit(model))
    elif data in DATASETS and data != "folder":
        source = DATASETS[data](size=size)
    else:
        raise unknown("data set", data, [name for name in DATASETS if name != "folder"])
    dataset = source.load(data_dir, skip_bad_images)
    if classes != len(dataset.classes):
        raise UserError(f"{model} tells {classes} classes apart, {data} has {len(dataset.classes)}")
    names = class_names(model, classes)
    if names != [str(number) for number in range(classes)] and names != list(dataset.classes):
        raise UserError(f"{model} was made for the classes {few(names)}; {data} has {few(dataset.classes)}")
    images = getattr(dataset, split)
    top1 = classification.top1(outputs(predictor, images), images.labels)
    click.echo(f"top-1 {top1:.2%} ({round(top1 * len(images))} of {len(images)} {split} images of {dataset.name})")


def few(names: Sequence[str]) -> str:
    """The first names of a list that may be long."""
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
