"""Tables on the screen."""

from collections.abc import Sequence

NUMBERS = 2  # columns at the end of a row, by default


def aligned(rows: Sequence[Sequence[str]], numbers: int = NUMBERS) -> list[str]:
    """Lines of columns with two spaces between them; the last ones, ``numbers``, are set to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    words = len(widths) - numbers
    return [
        "  ".join(c.ljust(w) if i < words else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    ]
