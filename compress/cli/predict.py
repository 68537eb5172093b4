"""``jetslim predict``."""

from collections.abc import Iterator, Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any

import click

from compress.cli.data import image_shape
from compress.cli.model_options import output_option, pixels_option, size_option
from compress.cli.screen import Screen, screen_options


@click.command(short_help="Print what a model says of images.")
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@click.argument("images", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--top",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Number of classes to print, the most likely first.",
)
@pixels_option
@size_option
@output_option
@click.option("--draw", is_flag=True, help="Draw the predicted boxes of a detector on each image, too.")
@click.option(
    "--pictures",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("pictures"),
    show_default=True,
    help="Folder in which images with density maps or boxes are written.",
)
@screen_options("Print one JSON object per image, one per line; all else goes to standard error.")
def predict(
    model: Path,
    images: tuple[Path, ...],
    top: int,
    pixels: Any,
    size: tuple[int, int] | None,
    output: str | None,
    draw: bool,
    pictures: Path,
    screen: Screen,
) -> None:
    """Print what MODEL says of each of IMAGES: the most likely class with its probability, or what its task is about.

    A model that counts writes its density map over each image as pictures/NAME-map.png, too; one that finds things
    prints their boxes in pixels of the image, and draws them where --draw asks for it.

    MODEL is a .tflite file of any maker, a SavedModel, a .keras or .h5 file, or a stage's folder in the store.
    IMAGES are files, or folders of them; or .npy files of what MODEL reads, one example or several.

    \b
    Examples:
      jetslim predict runs/densenet121/6-exported/model.tflite seven.png
      jetslim predict theirs.tflite photos/test --top 3 --pixels 0..255
      jetslim predict runs/detector/4-exported/model.tflite photo.jpg --draw
    """
    import numpy as np

    from compress.errors import UserError
    from compress.evaluate import Wishes, label_names, labels, open_model
    from compress.pixels import UNIT

    opened = open_model(model)
    if all(path.suffix == ".npy" for path in images):
        examples = _arrays(images, opened.shape, model)
    else:
        examples = _images(images, opened.shape, model, size)
    first = next(examples)
    if first[1].example.dtype != np.uint8:
        pixels = UNIT  # numbers, which go in as they are
    task = _task(model, opened, output)
    if draw and not task.PICTURE:
        raise UserError(f"--draw needs a detector; {model} does not predict boxes")
    told = Wishes(pixels, output)
    ready = opened.ready(first[1].example.shape, task, told, len(labels(model)) or None, None, screen.aside)
    names = label_names(model, ready.width)
    written: set[str] = set()
    for title, image in chain([first], examples):
        said = ready.raw(image.example[None])
        is_image = image.example.dtype == np.uint8 and image.example.ndim == 3
        picture = task.picture(said, image, names) if is_image and (draw or task.DRAWN_UNASKED) else None
        path = None if picture is None else _write(picture, pictures, title, task.PICTURE, written)
        places = [image] if is_image else None
        if screen.as_json:
            (answer,) = task.as_json(said, names, places)
            screen.json({"image": title, **answer, **({"picture": str(path)} if path else {})})
        else:
            (line,) = task.describe(said, names, top, places)
            screen.line(f"{title}: {line}{'' if path is None else f' ({task.PICTURE}: {path})'}")


def _task(path: Path, opened: Any, output: str | None) -> Any:
    """The model's task; what its outputs tell where nothing beside it says one. Raises UserError for a detector's."""
    from compress.errors import UserError
    from compress.evaluate import file_outputs, task_of
    from compress.tasks import Classification, Detection, MultiLabel

    if (told := task_of(path)) is not None:
        return told
    if output is None and any(set(names) <= set(opened.outputs) for names in file_outputs(Detection())):
        raise UserError(
            f"{path} gives what a detector gives ({', '.join(opened.outputs)}), but no model.json beside it says what "
            "its boxes lie to: put the one of its folder there, and labels.txt for the names of classes"
        )
    return MultiLabel() if opened.ends_in == "LOGISTIC" else Classification()


def _write(picture: Any, folder: Path, title: str, what: str, written: set[str]) -> Path:
    """Writes a picture as a PNG named after the image and ``what`` it shows; says where.

    ``written``: the names of this call, which gains another.
    """
    from PIL import Image

    stem = Path(title).stem
    names = (f"{stem}{f'-{number}' if number else ''}-{what}.png" for number in count())
    name = next(name for name in names if name not in written)
    written.add(name)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    Image.fromarray(picture).save(path)
    return path


def _images(
    paths: tuple[Path, ...], reads: Sequence[int | None], model: Path, size: tuple[int, int] | None
) -> Iterator[tuple[str, Any]]:
    """(path, the image as it is and as the model reads it) of each file."""
    from compress.datasets.images import UNREADABLE, fitted
    from compress.errors import UserError
    from compress.evaluate import image_fit

    sides, channels = image_shape(model, reads, size, advice="give it arrays (.npy files)")
    for path in _files(paths):
        try:
            yield str(path), fitted(path, sides, image_fit(model), channels)
        except UNREADABLE as error:
            raise UserError(f"{path} cannot be read as an image: {error}") from error


def _arrays(paths: tuple[Path, ...], reads: Sequence[int | None], model: Path) -> Iterator[tuple[str, Any]]:
    """(path, example) of each array of one example, (path[0], example) and so on of one of several."""
    import numpy as np

    from compress.datasets.images import Fitted
    from compress.errors import UserError, first_line
    from compress.evaluate.tflite_predictor import shape_text

    for path in paths:
        try:
            array = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise UserError(f"{path} cannot be read as an array: {first_line(error)}") from error
        if array.dtype.kind not in "fiu" or array.ndim - len(reads) not in (0, 1) or not array.size:
            raise UserError(
                f"{path} contains {array.dtype} {array.shape}, but {model} reads examples of {shape_text(reads)}"
            )
        array = array if array.dtype == np.uint8 else array.astype(np.float32)
        if array.ndim == len(reads):
            yield str(path), Fitted(array, array, "stretch")
        else:
            for number, example in enumerate(array):
                yield f"{path}[{number}]", Fitted(example, example, "stretch")


def _files(paths: tuple[Path, ...]) -> Iterator[Path]:
    """The files among the paths, and the images in the folders among them, in order of their names."""
    from compress.datasets.folder import image_files
    from compress.errors import UserError

    for path in paths:
        if not path.is_dir():
            yield path
            continue
        inside = image_files(path)
        if not inside:
            raise UserError(f"{path} contains no images")
        yield from inside
