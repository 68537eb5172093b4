"""``jetslim compare``."""

import csv
import io
import json
import math
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from compress.cli.columns import aligned
from compress.cli.data import open_data, split_options, task_for
from compress.cli.model_options import pixels_option, size_option
from compress.cli.screen import Screen, screen_options

TITLES = ("layer", "kind", "computes in", "SNR, dB", "by itself")


@click.command(short_help="Find the layers in which two models differ.")
@click.argument("a", type=click.Path(exists=True, path_type=Path))
@click.argument("b", type=click.Path(exists=True, path_type=Path))
@split_options
@partial(pixels_option, multiple=True)
@size_option
@click.option("--images", "count", type=click.IntRange(min=1), default=32, show_default=True,
              help="Number of images on which the layers are compared; accuracy is of the whole split.")  # fmt: skip
@click.option(
    "--worst",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Number of layers to print, the worst first.",
)
@click.option(
    "--csv",
    "table",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the values of all layers to this CSV file.",
)
@screen_options()
def compare(
    a: Path,
    b: Path,
    data: str | None,
    split: str,
    data_dir: Path | None,
    skip_bad_images: bool,
    pixels: tuple[Any, ...],
    size: tuple[int, int] | None,
    count: int,
    worst: int,
    table: Path | None,
    screen: Screen,
) -> None:
    """Print where B departs from A: the signal-to-noise ratio of every layer, the worst first, and how good both are.

    Each is a .tflite file of any maker, a SavedModel, a .keras or .h5 file, or a stage's folder in the store. A is the
    float network, best the SavedModel that B was made from. --pixels is for both; given twice, the first is A's. Noise
    is what B gives less what A gives: at 20 dB a tenth of the signal, at 40 dB a hundredth.
    "By itself" is what it would be if all that the layer reads were exact.

    \b
    Examples:
      jetslim compare runs/densenet121/4-pruned runs/densenet121/6-exported
      jetslim compare float.tflite int8.tflite --data photos --images 100 --csv layers.csv
    """
    import numpy as np
    from rich.console import Console
    from rich.progress import Progress as Bar

    from compress.artifacts.files import replace
    from compress.compare import compare as compare_layers
    from compress.compare import look_into
    from compress.errors import UserError
    from compress.evaluate import Wishes, check_labels, open_model, outputs
    from compress.tasks import Arrays

    models = [open_model(path) for path in (a, b)]
    shape = common_shape(*models)
    dataset = open_data(data, (a, b), shape, size, data_dir, skip_bad_images, screen.aside)
    task, other = (task_for(model, dataset, split, screen.aside) for model in (a, b))
    for setting in task.READ_WITH:
        if getattr(task, setting) != getattr(other, setting):
            raise UserError(
                f"A was trained with [task] {setting} = {getattr(task, setting)}, B with {getattr(other, setting)}: "
                "their outputs mean different boxes, so they cannot be compared"
            )
    if len(pixels) > 2:
        raise UserError("--pixels is given more than twice: give it once for both models, or twice, for A and for B")
    wishes = [Wishes(pixels[min(number, len(pixels) - 1)]) if pixels else Wishes() for number in range(2)]
    ready_a, ready_b = (
        model.ready(dataset.shape, task, wish, len(dataset.label_names), dataset.validation, screen.aside)
        for model, wish in zip(models, wishes, strict=True)
    )
    for path in (a, b):
        check_labels(path, dataset.label_names, data or dataset.name)
    images = getattr(dataset, split)
    some = np.random.default_rng(0).permutation(len(images))[:count]
    at_once = max(1, 32 * 64**2 * 3 // math.prod(dataset.shape))  # their activations fit into memory
    parts = [some[start : start + at_once] for start in range(0, len(some), at_once)]
    signal, noisy = look_into(ready_a.source, ready_b.source)
    swapped = signal.quantized and not noisy.quantized
    if swapped:
        screen.remark("note: A is quantized and B is not, so the noise is that of A")
        signal, noisy = noisy, signal
    with Bar(console=Console(stderr=True), transient=True, disable=screen.quiet or not sys.stderr.isatty()) as bar:

        def said(predictor: Any, name: str) -> Arrays:
            row = bar.add_task(f"outputs of {name}", total=len(images))

            def counted(images: np.ndarray) -> Arrays:
                bar.advance(row, len(images))
                return predictor(images)

            return outputs(counted, images)

        comparison = compare_layers(
            signal, noisy, (images.read(part) for part in bar.track(parts, description="layers"))
        )
        given = said(ready_a.raw, "A"), said(ready_b.raw, "B")
    if table:
        replace(table, as_csv(comparison.rows))
    cells = [
        (row.name, row.kind, row.precision, decibels(row.snr), decibels(row.own_snr)) for row in comparison.rows[:worst]
    ]
    for line in aligned([TITLES, *cells]):
        screen.line(line)
    if better := len(comparison.rows[worst:]):
        screen.line(f"... and {better} better ones (--worst, --csv)")
    if comparison.guessed:
        screen.remark(
            "note: the layers of a file cannot be run alone, so that column is an estimate; with A's "
            "SavedModel it is measured"
        )
    if signal.folded != noisy.folded:
        screen.remark(
            "note: only one of the two networks was rewritten for int8, so a scale or an activation may be in "
            "another layer there and look like noise; compare with A's SavedModel to avoid this"
        )
    if comparison.alone:
        screen.line(
            f"{comparison.alone} more layers of {'A' if swapped else 'B'} have none of their name and size in the other"
        )
    screen.line()
    first, closeness, close = task.METRICS[0], task.CLOSENESS, task.close(*given)
    scores = [task.score(outs, images.targets.arrays()) for outs in given]
    for name, path, value in zip("AB", (a, b), scores, strict=True):
        screen.line(f"{name}: {first.title} {first.compact(value)} ({first.counted(value, len(images))}), {path}")
    screen.line(f"{closeness.title} {closeness.compact(close)} on the {split} images of {dataset.name}")
    sure = not comparison.guessed and signal.folded == noisy.folded
    keep = comparison.to_keep() if sure else []
    if keep:
        screen.line(f"most noise is made here; for the quantize stage: keep_float = {json.dumps(keep)}")
    screen.json(
        {
            "models": [{"path": str(path), first.key: value} for path, value in zip((a, b), scores, strict=True)],
            closeness.key: close,
            "data": dataset.name,
            "split": split,
            "examples": len(images),
            "keep_float": list(keep),
            "layers": [as_json(row) for row in comparison.rows],
        }
    )


def common_shape(a: Any, b: Any) -> tuple[int | None, ...]:
    """The shape of the examples that both models read. Raises UserError where there is none."""
    from compress.errors import UserError
    from compress.evaluate.tflite_predictor import shape_text

    same = len(a.shape) == len(b.shape) and all(
        None in sides or sides[0] == sides[1] for sides in zip(a.shape, b.shape, strict=True)
    )
    if not same:
        told = [f"{model.path} reads {shape_text(model.shape)}" for model in (a, b)]
        raise UserError(f"{told[0]}, {told[1]}: they cannot be compared")
    return tuple(one if other is None else other for one, other in zip(a.shape, b.shape, strict=True))


def as_json(row: Any) -> dict[str, Any]:
    """A layer, with null for a ratio where there is no noise."""
    ratios = {"snr_db": row.snr, "snr_by_itself_db": row.own_snr}
    shown = {name: None if math.isinf(ratio) else round(ratio, 2) for name, ratio in ratios.items()}
    return {"layer": row.name, "kind": row.kind, "computes_in": row.precision, **shown}


def as_csv(rows: Sequence[Any]) -> str:
    """The rows as comma-separated values; "inf" where there is no noise."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["layer", "kind", "computes_in", "snr_db", "snr_by_itself_db"])
    writer.writerows([row.name, row.kind, row.precision, f"{row.snr:.2f}", f"{row.own_snr:.2f}"] for row in rows)
    return text.getvalue()


def decibels(value: float) -> str:
    return "exact" if value == float("inf") else f"{round(value, 1) + 0:.1f}"  # no "-0.0"
