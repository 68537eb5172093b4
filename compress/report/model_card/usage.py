"""A few lines of Python that run an exported file, made from its model.json: LiteRT, numpy and Pillow are enough."""

from collections.abc import Mapping
from typing import Any

from compress.metrics.boxes import DETECTIONS
from compress.report.model_card.metadata import is_of_images
from compress.report.model_card.tasks import on_card

PHOTO, EXAMPLE = "photo.png", "example.npy"


def packages(told: Mapping[str, Any]) -> str:
    """What the lines need."""
    return "ai-edge-litert numpy pillow" if is_of_images(told) else "ai-edge-litert numpy"


def python(told: Mapping[str, Any]) -> str:
    """The lines; they are run in the folder of the file, and read ``photo.png`` there, or ``example.npy``."""
    file = DETECTIONS if DETECTIONS in told["files"] else "model.tflite"
    images = is_of_images(told)
    lines = [
        "import numpy as np",
        "from ai_edge_litert.interpreter import Interpreter",
        *(["from PIL import Image, ImageOps"] if images else []),
        "",
        *(_image(told) if images else [f'image = np.load("{EXAMPLE}")']),
        f'outputs = Interpreter("{file}").get_signature_runner()(image={_numbers(told)})',
        *on_card(told["task"]["name"]).reads(told),
    ]
    return "\n".join(lines)


def _image(told: Mapping[str, Any]) -> list[str]:
    """The lines that read an image and fit it as those were fitted that the network was trained on."""
    height, width = told["preprocessing"]["resize"]
    mode = {"grey": "L", "RGB": "RGB"}[told["input"]["colours"]]
    opened = f'ImageOps.exif_transpose(Image.open("{PHOTO}")).convert("{mode}")'
    size = f"({width}, {height}), Image.Resampling.BILINEAR"
    fit = told["preprocessing"]["fit"]
    if fit == "stretch":
        return [f"image = {opened}.resize({size})"]
    if fit == "pad":
        return [
            f'photo, image = {opened}, Image.new("{mode}", ({width}, {height}))',
            f"photo.thumbnail({size}, reducing_gap=None)",
            "image.paste(photo)",
        ]
    return [
        f"photo = {opened}",
        f"w, h = min(photo.width, round(photo.height * {width} / {height})), "
        f"min(photo.height, round(photo.width * {height} / {width}))",
        "left, top = (photo.width - w) // 2, (photo.height - h) // 2",
        f"image = photo.crop((left, top, left + w, top + h)).resize({size})",
    ]


def _numbers(told: Mapping[str, Any]) -> str:
    """The expression for a batch of one, as the file's input wants it."""
    dtype, divisor = told["input"]["dtype"], told["preprocessing"]["divide_by"]
    grey = is_of_images(told) and told["input"]["colours"] == "grey"
    batch = f"np.asarray(image, np.{dtype})[None{', ..., None' if grey else ''}]"
    return batch if divisor == 1 else f"{batch} / np.float32({divisor})"
