"""Fills a template with a report's data: one file that needs nothing beside it, every text escaped."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).with_name("templates")


def render(template: str, data: Mapping[str, Any]) -> str:
    """The page of that ``template``: "run", "sweep" or "board". Whatever ``data`` holds is text, never HTML."""
    from markupsafe import Markup

    style, script = ((TEMPLATES / name).read_text() for name in ("style.css", "page.js"))
    page = _environment().get_template(f"{template}.html.j2")
    return page.render(**data, style=Markup(style), script=Markup(script))


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
