"""A page of test images with what the last stage's file says of each drawn over it."""

from pathlib import Path

import numpy as np

from compress.artifacts.outputs_file import read_outputs
from compress.datasets.images import Fitted
from compress.pipeline.make import Made
from compress.pipeline.plan import Plan
from compress.results import PICTURES, FileFacts
from compress.stages.save_and_evaluate import TEST_OUTPUTS

IMAGES, COLUMNS, GAP, SMALLEST = 12, 4, 4, 192  # of a page; pixels


def write_page(plan: Plan, made: Made, folder: Path) -> None:
    """Writes ``folder``/pictures.png, for a task that draws; an earlier one goes where there is nothing to draw."""
    pictures = _pictures(plan, made) if plan.task.PICTURE else []
    if not pictures:
        (folder / PICTURES).unlink(missing_ok=True)
        return
    from PIL import Image

    height, width = pictures[0].shape[:2]
    columns = min(COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    page = Image.new("RGB", (columns * (width + GAP) - GAP, rows * (height + GAP) - GAP), "white")
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        page.paste(Image.fromarray(picture), (column * (width + GAP), row * (height + GAP)))
    part = folder / f".{PICTURES}.part"
    page.save(part, "PNG")
    part.replace(folder / PICTURES)


def _pictures(plan: Plan, made: Made) -> list[np.ndarray]:
    """Of images spread evenly over the test split."""
    export, _ = made[plan.exports[plan.steps[-1].stage.name].key]
    said = plan.task.from_file(read_outputs(export.path / TEST_OUTPUTS), export.facts_as(FileFacts).ends_in)
    test = plan.dataset.test
    rows = np.linspace(0, len(test) - 1, min(len(test), IMAGES)).astype(int)
    pictures = []
    for row, image in zip(rows, test.read(rows), strict=True):
        larger = np.repeat(np.repeat(image, factor := -(-SMALLEST // min(image.shape[:2])), axis=0), factor, axis=1)
        one = {name: values[row : row + 1] for name, values in said.items()}
        picture = plan.task.picture(one, Fitted(larger, image, "stretch"), plan.dataset.label_names)
        if picture is not None:
            pictures.append(picture)
    return pictures
