"""The parts of pages that are generated, by name."""

import re
from collections.abc import Callable

from docs.generate import commands, messages, results, settings, words

PARTS: dict[str, Callable[..., str]] = {
    "settings": settings.page,
    "commands": commands.page,
    "runner": commands.runner,
    "make": commands.of_make,
    "run.json": results.of_run,
    "board": results.of_board,
    "messages": messages.section,
    "glossary": words.glossary,
    "front": words.front,
    "minutes": words.minutes,
    "results": words.results,
    "paper": words.paper,
    "table": words.table,
    "measured": words.measured,
    "findings": words.findings,
    "decisions": words.decisions,
}
MARK = re.compile(r"^<!-- generated: (\S+)(?: (.*?))? -->$", re.MULTILINE)
NOTE = "*Parts of this page are missing here: they are generated when the site is built (`make docs`).*"
"""Stands in a page with generated parts, for whoever reads its source on a hosting site; the built page has it not."""


def with_parts(markdown: str) -> str:
    """The page with each ``<!-- generated: NAME ARGUMENT | ARGUMENT -->`` replaced by what it stands for, without NOTE.

    Raises KeyError for a name that is not known.
    """
    markdown = markdown.replace(f"{NOTE}\n\n", "")

    def part(mark: re.Match[str]) -> str:
        arguments = [word.strip() for word in mark[2].split(" | ")] if mark[2] else []
        return PARTS[mark[1]](*arguments)

    return MARK.sub(part, markdown)
