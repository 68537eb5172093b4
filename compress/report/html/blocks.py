"""The Markdown of report.md as data that a template can show: headings, paragraphs, lists, tables and images."""

import re
from collections.abc import Iterator
from typing import Any

PARTS = re.compile(r"(`[^`]+`|\*\*[^*]+\*\*)")


def blocks(text: str) -> list[dict[str, Any]]:
    """What the text consists of, in order: each {"kind": "heading", "text", "table", "list" or "code", ...}."""
    return [block for part in re.split(r"\n{2,}", text.strip()) for block in _blocks(part)]


def _blocks(part: str) -> Iterator[dict[str, Any]]:
    lines = part.splitlines()
    while lines and lines[0].startswith("#"):
        yield {"kind": "heading", "text": lines.pop(0).lstrip("# ")}
    rows = [line for line in lines if line.startswith("|")]
    if len(rows) > 1:
        header, sides, *body = rows
        yield {
            "kind": "table",
            "header": cells(header),
            "right": [side.strip().endswith(":") for side in cells(sides)],
            "rows": [cells(row) for row in body],
        }
    items = [line.removeprefix("- ") for line in lines if line.startswith("- ")]
    if items:
        yield {"kind": "list", "items": [spans(item) for item in items]}
    words = " ".join(line for line in lines if not line.startswith(("|", "- ")))
    if words:
        yield {"kind": "text", "spans": spans(words)}


def cells(row: str) -> list[str]:
    """The cells of a line of a pipe table; a bar within one is escaped there."""
    parts = re.split(r"(?<!\\)\|", row.strip())[1:-1]
    return [part.strip().replace("\\|", "|").replace("**", "") for part in parts]


def spans(text: str) -> list[dict[str, str]]:
    """A line in parts: {"kind": "code", "strong" or "plain", "text": ...}."""
    kinds = {"`": "code", "*": "strong"}
    return [
        {"kind": kinds.get(part[0], "plain") if PARTS.fullmatch(part) else "plain", "text": part.strip("`*")}
        if PARTS.fullmatch(part)
        else {"kind": "plain", "text": part}
        for part in PARTS.split(text)
        if part
    ]
