"""Parts of other files of the repository: words, results, decisions."""

import re
from pathlib import Path

from benchmarks.front import table as table_of_front
from benchmarks.tables import BEGIN, END, SHOWN, load

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks/RESULTS.md"
PAPER_RESULTS = ROOT / "benchmarks/paper2022/RESULTS.md"
DECISIONS = ROOT / "docs/decisions"
NOT_YET = "Not measured here yet."


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
    text = PAPER_RESULTS.read_text().partition("\n")[2]
    return _safe(text.replace("](../plots/", "](plots/"))


def measured(section: str) -> str:
    """What the results say below a heading, pictures apart; or that nothing was measured yet."""
    lines = [line for line in _below(section).splitlines() if not line.startswith("![")]
    return _safe("\n".join(lines).strip()) or NOT_YET


def findings(section: str, names: str) -> str:
    """The findings of a section of the results on methods, by their names with "; " between them, each with its data.

    A finding is an entry of a list with "(name):" in it; the data are told by the paragraph before.
    """
    entries, data = [], ""
    for line in _below(section).splitlines():
        if any(f"({name}):" in line for name in names.split("; ")):
            entries.append(f"- {data}: {line.removeprefix('- ')}")
        elif line and not line.startswith(("|", "-", "!")):
            data = line.partition(";")[0]
    return _safe("\n".join(entries)) or NOT_YET


def table(section: str, first: str = "|", columns: str = "", rows: str = "") -> str:
    """The first table of a section of the results whose first row begins with ``first`` and that has the columns.

    ``columns``: the titles of those that are shown, with "; " between them; ``rows``: the words with which the first
    cells of those begin. All if none is named. Raises KeyError where there is no such table or column.
    """
    wanted = [title for title in columns.split("; ") if title]
    tables = [block for block in _below(section).strip().split("\n\n") if block.startswith("|")]
    for block in tables:
        titles, line, *body = [[cell.strip() for cell in row.strip("|").split("|")] for row in block.splitlines()]
        if block.startswith(first) and set(wanted) <= set(titles):
            shown = [titles.index(title) for title in wanted or titles]
            chosen = [row for row in body if row[0].startswith(tuple(rows.split("; ")))]
            if not chosen:
                raise KeyError(f"{section!r}: no row {rows!r}")
            return _safe("\n".join(f"| {' | '.join(row[each] for each in shown)} |" for row in (titles, line, *chosen)))
    raise KeyError(f"the results: no table {first!r} with the columns {wanted} below {section!r}")


def _below(section: str) -> str:
    """What the results, or those beside the paper, have below a heading; "" where there is no such heading."""
    for path in (RESULTS, PAPER_RESULTS):
        _, heading, rest = path.read_text().partition(f"# {section}\n")
        if heading:
            return re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    return ""


def decisions() -> str:
    """A list of all decisions, by number."""
    return "\n".join(f"- [{title(path)}](decisions/{path.name})" for path in sorted(DECISIONS.glob("*.md")))


def title(path: Path) -> str:
    """The first line of a page."""
    return path.read_text().partition("\n")[0].lstrip("# ").strip()


def _safe(text: str) -> str:
    """Classes of Python in messages are no elements of HTML."""
    return text.replace("<class '", "&lt;class '")
