"""Parts of other files of the repository: words, results, decisions."""

import re
from pathlib import Path

from benchmarks.front import table as table_of_front
from benchmarks.tables import BEGIN, END, SHOWN, load

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks/RESULTS.md"
DECISIONS = ROOT / "docs/decisions"


def glossary() -> str:
    """The table of words of CONTRIBUTING.md."""
    _, _, rest = (ROOT / "CONTRIBUTING.md").read_text().partition("\n## Words\n")
    words, _, _ = rest.partition("\n## ")
    return words.strip()


def front() -> str:
    """The README's table of the main chain, with what was measured where."""
    return (ROOT / "README.md").read_text().partition(BEGIN)[2].partition(END)[0].strip()


def minutes() -> str:
    """How long the README's pipeline took."""
    runs = [run for run in load(RESULTS.parent / "results").runs if run.pipeline == SHOWN]
    return f"`{SHOWN}` took {table_of_front.minutes(runs)}."


def results() -> str:
    """All of benchmarks/RESULTS.md, its title apart."""
    return _safe(RESULTS.read_text().partition("\n")[2])


def paper() -> str:
    """All of benchmarks/paper2022/RESULTS.md, its title apart; its pictures are beside the page."""
    text = (ROOT / "benchmarks/paper2022/RESULTS.md").read_text().partition("\n")[2]
    return _safe(text.replace("](../plots/", "](plots/"))


def table_once_measured(section: str, first: str = "|", columns: str = "") -> str:
    """``table``, or that nothing was measured yet, where the results have no such section."""
    measured = f"# {section}\n" in RESULTS.read_text()
    return table(section, first, columns) if measured else "Not measured here yet."


def table(section: str, first: str = "|", columns: str = "") -> str:
    """The first table of a section of benchmarks/RESULTS.md whose first row begins with ``first``.

    ``columns``: the titles of those that are shown, with "; " between them; all if none is named. Raises KeyError where
    there is no such table or column.
    """
    _, heading, rest = RESULTS.read_text().partition(f"# {section}\n")
    text = re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    for block in text.strip().split("\n\n"):
        if heading and block.startswith("|") and block.startswith(first):
            return _safe(_only(block, columns.split("; ")) if columns else block)
    raise KeyError(f"benchmarks/RESULTS.md: no table {first!r} below {section!r}")


def _only(table: str, titles: list[str]) -> str:
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table.strip().splitlines()]
    if missing := [title for title in titles if title not in rows[0]]:
        raise KeyError(f"benchmarks/RESULTS.md: no column {missing[0]!r}; there are {'; '.join(rows[0])}")
    chosen = [rows[0].index(title) for title in titles]
    return "\n".join(f"| {' | '.join(row[column] for column in chosen)} |" for row in rows)


def decisions() -> str:
    """A list of all decisions, by number."""
    return "\n".join(f"- [{title(path)}](decisions/{path.name})" for path in sorted(DECISIONS.glob("*.md")))


def title(path: Path) -> str:
    """The first line of a page."""
    return path.read_text().partition("\n")[0].lstrip("# ").strip()


def _safe(text: str) -> str:
    """Classes of Python in messages are no elements of HTML."""
    return text.replace("<class '", "&lt;class '")
