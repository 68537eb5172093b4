"""``jetslim evaluate``."""

from pathlib import Path
from typing import Any

import click

from compress.cli.data import open_data, split_options, task_for
from compress.cli.model_options import output_option, pixels_option, size_option
from compress.cli.options import Number
from compress.cli.screen import Screen, screen_options


@click.command(short_help="Print how good a model is on a data set.")
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@split_options
@pixels_option
@size_option
@output_option
@click.option(
    "--blur",
    type=Number(0, 0.5),
    default=0.0,
    help="Blur the images first, as by a moving camera: length of the motion as a fraction of the width "
    "of the model's input, such as 0.1.",
)
@screen_options()
def evaluate(
    model: Path,
    data: str | None,
    split: str,
    data_dir: Path | None,
    skip_bad_images: bool,
    pixels: Any,
    size: tuple[int, int] | None,
    output: str | None,
    blur: float,
    screen: Screen,
) -> None:
    """Print how good MODEL is on a data split: top-1 for classes, and what the data set's task measures for others.

    MODEL is a .tflite file of any maker, a SavedModel, a .keras or .h5 file, or a stage's folder in the store.

    \b
    Examples:
      jetslim evaluate runs/densenet121/6-exported/model.tflite
      jetslim evaluate runs/densenet121/1-teacher --data cifar10 --data-dir ~/data
      jetslim evaluate theirs.tflite --data photos --pixels -1..1
      jetslim evaluate runs/detector/4-exported --data shapes --blur 0.1
    """
    from compress.evaluate import Wishes, check_labels, open_model, outputs

    opened = open_model(model)
    dataset = open_data(data, [model], opened.shape, size, data_dir, skip_bad_images, screen.aside)
    task, width = task_for(model, dataset, split, screen.aside), len(dataset.label_names)
    ready = opened.ready(dataset.shape, task, Wishes(pixels, output), width, dataset.validation, screen.aside)
    check_labels(model, dataset.label_names, data or dataset.name)
    images = getattr(dataset, split)
    if blur:
        images = blurred(images, dataset, blur)
    said = outputs(ready.raw, images)
    first, value = task.METRICS[0], task.score(said, images.targets.arrays())
    count = first.counted(value, len(images))
    measured = {first.key: value}
    if screen.as_json or (len(task.METRICS) > 1 and not first.is_share):
        others = task.measure(said, images.targets.arrays(), said, images.targets.arrays())
        measured |= {metric.key: others[metric.key] for metric in task.METRICS[1:] if metric.in_table or screen.as_json}
    told = {"model": str(model), "data": dataset.name, "split": split, "examples": len(images), "blur": blur}
    screen.json({**told, "metrics": measured})
    how = f", blurred by {blur:.1%} of their width" if blur else ""
    screen.line(f"{first.title} {first.compact(value)} ({count} {split} images of {dataset.name}{how})")
    others = [(metric, measured.get(metric.key)) for metric in task.METRICS[1:]]
    if shown := [f"{metric.title} {metric.text(value)}" for metric, value in others if value is not None]:
        screen.line(", ".join(shown))


def blurred(images: Any, dataset: Any, share: float) -> Any:
    """A split of images, each blurred by motion. Raises UserError for what is no image."""
    from compress.datasets.motion_blur import BlurredSplit
    from compress.errors import UserError

    if len(dataset.shape) != 3 or dataset.dtype != "uint8":
        raise UserError(f"--blur needs uint8 images: the examples of {dataset.name} are {dataset.dtype}")
    return BlurredSplit(images, share)
