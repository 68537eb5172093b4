"""The data set that a model in hand is judged on: ``--data`` and ``--split`` of several commands."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import click

from compress.cli.options import data_options
from compress.cli.recorded_data import load_recorded

SMALLEST = 8  # pixels a side of an image; fewer are a signal's channels


def split_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--data``, ``--split``, ``--data-dir`` and ``--skip-bad-images``."""
    command = click.option(
        "--split",
        type=click.Choice(["train", "validation", "test"]),
        default="test",
        show_default=True,
        help="Part of the data to use.",
    )(data_options(command))
    return click.option(
        "--data",
        help="Name of a data set, a folder with train/ and test/, or arrays: an .npz file or a folder of .npy files.  "
        "[default: the data of the run in whose folder the model is, else digits]",
    )(command)  # fmt: skip


def open_data(
    data: str | None,
    models: Sequence[Path],
    reads: Sequence[int | None],
    size: tuple[int, int] | None,
    data_dir: Path | None,
    skip_bad_images: bool,
    say: Callable[[str], None],
) -> Any:
    """The data set of that name, or in that folder or file, for models that read such examples; by default that of
    their run, or else "digits". ``say`` is told of the run, and of what of the data is not used as it was given.

    ``size`` is what the user says of a model that takes images of any.
    """
    dataset = None if data is not None else load_recorded(models, size, data_dir, skip_bad_images, say)
    if dataset is None:
        dataset = load_named(data or "digits", models[0], reads, size, data_dir, skip_bad_images)
    for fault in dataset.faults:
        say(f"note: {fault}")
    return dataset


def load_named(
    data: str,
    model: Path,
    reads: Sequence[int | None],
    size: tuple[int, int] | None,
    data_dir: Path | None,
    skip_bad_images: bool,
) -> Any:
    """The data set of that name, or in that folder or file, for a model that reads such examples."""
    from compress.config import parse, required
    from compress.datasets import DATASETS, meant_by
    from compress.errors import UserError, few, unknown
    from compress.evaluate import image_fit, labels

    name, path = meant_by(data)
    if name not in DATASETS:
        raise unknown("data set", data, [name for name, kind in DATASETS.items() if not required(kind)])
    kind = DATASETS[name]
    fields: dict[str, Any] = {} if path is None else {"path": path}
    missing = [field for field in required(kind) if field not in fields]
    if missing == ["path"]:
        raise UserError(f"data set {name!r} needs a path: give --data PATH")
    if missing:
        raise UserError(f"data set {name!r} needs {few(missing)}, which only a pipeline file can give")
    if kind.HAS_OWN_SHAPE:
        fields["size"] = size
    else:
        usual = kind.size if path is None else None
        fields["size"], fields["channels"] = image_shape(model, reads, size, usual)
    fields |= kind.for_model(labels(model))
    if getattr(kind, "fit", None) == "stretch":  # of those that may be fitted in several ways
        fields["fit"] = image_fit(model)
    return parse(kind, fields, f"--data {data}").load(data_dir, skip_bad_images)


def image_shape(
    model: Path,
    reads: Sequence[int | None],
    size: tuple[int, int] | None,
    usual: Any = None,
    advice: str = "give it arrays (--data FILE.npz)",
) -> tuple[tuple[int, int], Literal[1, 3]]:
    """((height, width), channels) of the images for a model that reads such examples.

    A side that the model leaves open is ``size``'s, else that of ``usual``, the size that the data have by themselves.
    Raises UserError for a model that reads no images, or none of this size.
    """
    from compress.datasets.images import sides
    from compress.errors import UserError
    from compress.evaluate.tflite_predictor import shape_text

    height, width, channels = (*reads, 1) if len(reads) == 2 else reads if len(reads) == 3 else (0, 0, 0)
    if channels not in (1, 3, None) or any(side is not None and side < SMALLEST for side in (height, width)):
        raise UserError(f"{model} reads {shape_text(reads)}, which are not images with 1 or 3 channels: {advice}")
    if size and any(side not in (None, now) for side, now in zip((height, width), size, strict=True)):
        raise UserError(f"{model} reads images of {shape_text((height, width))}, but --size is {shape_text(size)}")
    colours: Literal[1, 3] = 1 if channels == 1 else 3
    if height and width:
        return (height, width), colours
    if size is None and usual is None:
        raise UserError(f"{model} accepts images of any size ({shape_text(reads)}): give one, such as --size 224")
    given = size or sides(usual)
    return (height or given[0], width or given[1]), colours


def task_for(model: Path, dataset: Any, split: str, say: Callable[[str], None]) -> Any:
    """The data set's task, with the settings that the model was made with, fitted. ``say`` is told of a setting that
    changes what a model predicts and that nothing beside the model gives.

    Raises UserError for a model that was made for another task, and for a split on which it cannot be measured.
    """
    from compress.errors import UserError
    from compress.evaluate import guessed, task_of
    from compress.tasks import TASKS

    told = task_of(model)
    if told is not None and told.name != dataset.task:
        raise UserError(
            f"{model} was made for the task {told.name}, but the data set {dataset.name} is for "
            f"{dataset.task}: give the model's own data with --data"
        )
    known = told or TASKS[dataset.task]()
    task: Any = known.fitted(dataset, learns=False)
    if lacking := task.lacks(getattr(dataset, split).targets.arrays()):
        raise UserError(f"no {split} image of {dataset.name} has {lacking}, so there is nothing to measure")
    for line in guessed(model, known, task, dataset.name):
        say(line)
    return task
