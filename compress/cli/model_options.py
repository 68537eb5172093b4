"""What a user says of a model in hand that it does not tell itself: ``--pixels``, ``--size``, ``--output``."""

import re
from collections.abc import Callable
from typing import Any

import click


def pixels_option(command: Callable[..., Any], **settings: Any) -> Callable[..., Any]:
    """``--pixels``."""
    meaning = (
        "Range of the pixel values that the model expects: 0..1, 0..255, -1..1, imagenet, imagenet-bgr, or "
        "SCALE,OFFSET applied to a byte.  [default: found from the model]"
    )
    return click.option("--pixels", callback=_pixels, metavar="NAME", help=meaning, **settings)(command)


def size_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--size``."""
    meaning = "Size of the images for a model that accepts any size: a side in pixels, or HEIGHTxWIDTH."
    return click.option("--size", callback=_size, metavar="SIZE", help=meaning)(command)


def output_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--output``."""
    return click.option(
        "--output",
        metavar="NAME",
        help="Name of the output that gives the classes, for a .tflite file with several outputs.",
    )(command)


def _pixels(_context: click.Context, _option: click.Parameter, value: Any) -> Any:
    from compress.pixels import parse

    def one(text: str) -> Any:
        numbers = text.split(",")
        try:
            scale, offset = map(float, numbers)
        except ValueError:
            return parse(text)
        return parse({"scale": scale, "offset": offset})

    return one(value) if isinstance(value, str) else value and tuple(map(one, value))


def _size(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)(?:x(\d+))?", text.strip())
    if match is None or int(match[1]) < 1 or int(match[2] or 1) < 1:
        raise click.BadParameter(
            f"{text!r} is not a size: give a side in pixels such as 224, or HEIGHTxWIDTH such as 48x96"
        )
    return int(match[1]), int(match[2] or match[1])
