"""Pictures inside a page: scaled down and recompressed until all of them fit."""

import base64
from collections.abc import Collection, Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_BYTES = 200_000
"""Of all pictures of a page together. Base64 makes 267 kB of them, and a page is to have less than 500 kB."""
WIDTH, QUALITY, COLOURS = 900, 82, 64
"""Of a photograph: pixels at most, and JPEG's number. Of a plot that is recompressed: how many colours."""
SMALLER, LEAST = 0.8, 64
"""From one try to the next the width becomes so much smaller, down to so many pixels."""


def embedded(
    files: Sequence[Path], photographs: Collection[str], captions: Mapping[str, str], folder: Path
) -> dict[str, dict[str, Any]]:
    """Name of each file below ``folder`` -> {"caption", "path", "src", "plot"}, as a template takes it.

    Small pictures leave their room to large ones. Those named in ``photographs`` become JPEG; the others are plots.
    """
    left, sources = MOST_BYTES, {}
    for number, path in enumerate(sorted(files, key=lambda path: path.stat().st_size)):
        is_plot = path.stem not in photographs
        content = _fitting(path, is_plot, left // (len(files) - number))
        left -= len(content)
        kind = "png" if is_plot else "jpeg"
        sources[path.stem] = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    return {
        path.stem: {
            "caption": captions.get(path.stem, path.stem),
            "path": path.relative_to(folder).as_posix(),
            "src": sources[path.stem],
            "plot": path.stem not in photographs,
        }
        for path in files
    }


def _fitting(path: Path, is_plot: bool, most: int) -> bytes:
    """The largest encoding of at most ``most`` bytes; the smallest there is where none is."""
    content = b""
    for content in _encodings(path, is_plot):
        if len(content) <= most:
            break
    return content


def _encodings(path: Path, is_plot: bool) -> Iterator[bytes]:
    """The picture smaller and smaller: a plot as it is first, then with fewer colours."""
    from PIL import Image

    if is_plot:
        yield path.read_bytes()
    picture = Image.open(path).convert("RGB")
    width = picture.width if is_plot else min(picture.width, WIDTH)
    while width >= min(LEAST, picture.width):
        small = picture.resize((width, max(1, round(picture.height * width / picture.width))), Image.Resampling.LANCZOS)
        yield _png(small) if is_plot else _jpeg(small)
        width = int(SMALLER * width)


def _png(picture: "Image") -> bytes:
    content = BytesIO()
    picture.quantize(COLOURS).save(content, "PNG", optimize=True)
    return content.getvalue()


def _jpeg(picture: "Image") -> bytes:
    """Photographs are a tenth as large as JPEG, which plots are not."""
    content = BytesIO()
    picture.save(content, "JPEG", quality=QUALITY, optimize=True)
    return content.getvalue()
