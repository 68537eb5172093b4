"""``jetslim evaluate``."""

from pathlib import Path

import click

from compress.cli.data import check_classes, open_data, split_options


@click.command()
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@split_options
def evaluate(model: Path, data: str, split: str, data_dir: Path | None, skip_bad_images: bool) -> None:
    """Print the top-1 of MODEL on a data split.

    MODEL is a .tflite file, a SavedModel, or a stage's folder in the store.

    \b
    Examples:
      jetslim evaluate runs/densenet121/5-exported/model.tflite
      jetslim evaluate runs/densenet121/1-teacher --data cifar10 --data-dir ~/data
    """
    from compress.evaluate import image_fit, open_model, outputs
    from compress.tasks import classification

    predictor, size, classes = open_model(model)
    dataset = open_data(data, size, image_fit(model), data_dir, skip_bad_images)
    check_classes(model, classes, data, dataset)
    images = getattr(dataset, split)
    top1 = classification.top1(outputs(predictor, images), images.labels)
    click.echo(f"top-1 {top1:.2%} ({round(top1 * len(images))} of {len(images)} {split} images of {dataset.name})")
