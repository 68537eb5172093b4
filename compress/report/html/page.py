"""Fills a template with a report's data: one file that needs nothing beside it, every text escaped."""

import base64
from collections.abc import Mapping
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).with_name("templates")
MOST_BYTES = 100_000
"""Of a picture that is put into the page; a larger one is linked."""
WIDTH, QUALITY = 900, 82
"""Of photographs in the page: pixels, and JPEG's number."""


def render(template: str, data: Mapping[str, Any]) -> str:
    """The page of that ``template``: "run", "sweep" or "board". Whatever ``data`` holds is text, never HTML."""
    from markupsafe import Markup

    style, script = ((TEMPLATES / name).read_text() for name in ("style.css", "page.js"))
    page = _environment().get_template(f"{template}.html.j2")
    return page.render(**data, style=Markup(style), script=Markup(script))


def embedded(path: Path, folder: Path, caption: str, is_plot: bool = True) -> dict[str, Any]:
    """A picture below ``folder`` as a template takes it: {"caption", "path", "src" ("" for a large one), "plot"}."""
    kind, content = ("png", path.read_bytes()) if is_plot else ("jpeg", _jpeg(path))
    fits = len(content) <= MOST_BYTES
    source = f"data:image/{kind};base64,{base64.b64encode(content).decode()}" if fits else ""
    return {"caption": caption, "path": path.relative_to(folder).as_posix(), "src": source, "plot": is_plot}


def _jpeg(path: Path) -> bytes:
    """Photographs are a tenth as large as JPEG, which drawings are not."""
    from PIL import Image

    content = BytesIO()
    picture = Image.open(path).convert("RGB")
    picture.thumbnail((WIDTH, 100 * WIDTH))
    picture.save(content, "JPEG", quality=QUALITY, optimize=True)
    return content.getvalue()


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
