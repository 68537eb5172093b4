"""Pages of test images: with what the last stage's file says drawn over them, and those on which it is worst."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from compress.artifacts.outputs_file import read_outputs
from compress.datasets.images import Fitted
from compress.pipeline.make import Made
from compress.pipeline.plan import Plan
from compress.results import PICTURES, WORST, FileFacts
from compress.stages.save_and_evaluate import TEST_OUTPUTS
from compress.tasks import Arrays

LINE = 13  # height of a line of text; pixels
IMAGES, COLUMNS, GAP, SMALLEST = 12, 4, 4, 192  # of a page; pixels


def write_page(plan: Plan, made: Made, folder: Path) -> None:
    """Writes ``folder``/pictures.png, for a task that draws; an earlier one goes where there is nothing to draw."""
    pictures = _pictures(plan, made) if plan.task.PICTURE else []
    if not pictures:
        (folder / PICTURES).unlink(missing_ok=True)
        return
    _write(pictures, folder / PICTURES)


def write_worst(plan: Plan, made: Made, folder: Path) -> None:
    """Writes ``folder``/worst.png: the test images on which the last file has the largest loss, the worst first, as
    many as [report] worst_images asks for; an earlier one goes where it asks for none."""
    count = plan.pipeline.report.worst_images
    if not count or len(plan.dataset.shape) != 3:
        (folder / WORST).unlink(missing_ok=True)
        return
    said, test = _said(plan, made), plan.dataset.test
    targets = test.targets.arrays()
    losses = [_loss(plan, said, targets, row) for row in range(len(test))]
    rows = np.argsort(losses, kind="stable")[::-1][:count]
    names, labels = plan.dataset.label_names, targets.get("labels")
    pictures = []
    for row, image in zip(rows, test.read(np.sort(rows))[np.argsort(np.argsort(rows))], strict=True):
        lines = [f"image {row}, loss {losses[row]:.3g}", plan.task.describe(_one(said, row), names, 1)[0]]
        if labels is not None and labels.ndim == 1 and labels[row] < len(names):
            lines.append(f"is {names[labels[row]]}")
        pictures.append(_captioned(_enlarged(image), lines))
    _write(pictures, folder / WORST)


def _loss(plan: Plan, outputs: Arrays, targets: Arrays, row: int) -> float:
    """The task's loss of one test image."""
    from compress import keras

    def tensors(arrays: Arrays) -> dict[str, Any]:
        return {
            name: keras.tf.constant(values.astype(np.float32) if values.dtype.kind == "f" else values)
            for name, values in _one(arrays, row).items()
        }

    return float(plan.task.loss(tensors(outputs), tensors(targets)))


def _one(arrays: Arrays, row: int) -> dict[str, np.ndarray]:
    """A batch of one."""
    return {name: values[row : row + 1] for name, values in arrays.items()}


def _enlarged(image: np.ndarray) -> np.ndarray:
    """The image, its pixels repeated until its shorter side has SMALLEST; grey ones and float ones as uint8 RGB."""
    if image.dtype != np.uint8:
        low, high = float(image.min()), float(image.max())
        image = ((image - low) / (high - low or 1.0) * 255).astype(np.uint8)
    image = image if image.shape[2] == 3 else np.repeat(image[..., :1], 3, axis=2)
    return np.repeat(np.repeat(image, factor := -(-SMALLEST // min(image.shape[:2])), axis=0), factor, axis=1)


def _captioned(image: np.ndarray, lines: Sequence[str]) -> np.ndarray:
    """The image with lines of text below it, cut where they are too long."""
    from PIL import Image, ImageDraw

    height, width = image.shape[:2]
    page = Image.new("RGB", (width, height + LINE * len(lines) + GAP), "white")
    page.paste(Image.fromarray(image), (0, 0))
    draw = ImageDraw.Draw(page)
    for number, line in enumerate(lines):
        while line and draw.textlength(line) > width:
            line = line[:-2].rstrip("…") + "…" if len(line) > 2 else ""
        draw.text((0, height + LINE * number + 1), line, fill="black")
    return np.asarray(page)


def _write(pictures: Sequence[np.ndarray], path: Path) -> None:
    """The pictures, of one size, in rows of COLUMNS."""
    from PIL import Image

    height, width = pictures[0].shape[:2]
    columns = min(COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    page = Image.new("RGB", (columns * (width + GAP) - GAP, rows * (height + GAP) - GAP), "white")
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        page.paste(Image.fromarray(picture), (column * (width + GAP), row * (height + GAP)))
    part = path.with_name(f".{path.name}.part")
    page.save(part, "PNG")
    part.replace(path)


def _pictures(plan: Plan, made: Made) -> list[np.ndarray]:
    """Of images spread evenly over the test split."""
    said, test = _said(plan, made), plan.dataset.test
    rows = np.linspace(0, len(test) - 1, min(len(test), IMAGES)).astype(int)
    pictures = []
    for row, image in zip(rows, test.read(rows), strict=True):
        larger = np.repeat(np.repeat(image, factor := -(-SMALLEST // min(image.shape[:2])), axis=0), factor, axis=1)
        picture = plan.task.picture(_one(said, row), Fitted(larger, image, "stretch"), plan.dataset.label_names)
        if picture is not None:
            pictures.append(picture)
    return pictures


def _said(plan: Plan, made: Made) -> Arrays:
    """The raw outputs of the last stage's file on the test split."""
    export, _ = made[plan.exports[plan.steps[-1].stage.name].key]
    return plan.task.from_file(read_outputs(export.path / TEST_OUTPUTS), export.facts_as(FileFacts).ends_in)
