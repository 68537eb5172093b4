"""Numbers and tables as people read them, in Markdown."""

import math
from collections.abc import Iterable, Sequence


def three_digits(value: float) -> str:
    """Three significant digits, trailing zeros kept, whole from 100 on: 21.0, 2.80, 104."""
    if value == 0 or not math.isfinite(value):
        return f"{value:.0f}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def megabytes(size_bytes: float) -> str:
    """MB are 10^6 bytes: two decimals from 1 MB on, three significant digits below."""
    size = size_bytes / 1e6
    return f"{size:.2f} MB" if size >= 1 else f"{three_digits(size)} MB"


def percent(fraction: float, decimals: int = 2) -> str:
    """A fraction as per cent: 0.9861 is 98.61 %."""
    return f"{100 * fraction:.{decimals}f} %"


def times(before: float, after: float, less: str, more: str) -> str:
    """How many times less or more it became, in these two words.

    >>> times(72.0, 3.6, "smaller", "larger")
    '20.0 times smaller'
    """
    return f"{three_digits(max(before, after) / min(before, after))} times {less if before >= after else more}"


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """A pipe table; the first ``left`` columns are words, the others numbers, set to the right."""
    lines = [_line(header), "|" + "|".join("---" if i < left else "---:" for i in range(len(header))) + "|"]
    return "\n".join([*lines, *(_line(row) for row in rows)]) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
