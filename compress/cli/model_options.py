"""What a user says of a model in hand that it does not tell itself: ``--pixels``, ``--size``, ``--output``."""

import re
from collections.abc import Callable
from typing import Any

import click


def pixels_option(command: Callable[..., Any], **settings: Any) -> Callable[..., Any]:
    """``--pixels``."""
    meaning = (
        "Which numbers the model expects for the pixels: 0..1, 0..255, -1..1, imagenet, imagenet-bgr, or SCALE,OFFSET "
        "of a byte. By default what the model tells."
    )
    return click.option("--pixels", callback=_pixels, metavar="NAME", help=meaning, **settings)(command)


def size_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--size``."""
    meaning = "Size of the images for a model that takes any: a side in pixels, or HEIGHTxWIDTH."
    return click.option("--size", callback=_size, metavar="SIZE", help=meaning)(command)


def output_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--output``."""
    return click.option("--output", metavar="NAME", help="Which output of a .tflite file has the classes.")(command)


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
        raise click.BadParameter(f"{text!r} is no size: write a side in pixels such as 224, or 48x96 (height, width)")
    return int(match[1]), int(match[2] or match[1])
