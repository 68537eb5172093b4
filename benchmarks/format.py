"""Numbers as the tables of results have them."""

import statistics
from collections.abc import Iterable, Sequence


def spread(values: Sequence[float], number_format: str = ".2f") -> str:
    """Mean and standard deviation; of a single value, the value alone.

    ``number_format`` formats both; a "+" in it is for the mean only.

    >>> spread([1.0, 2.0]), spread([1.0, 2.0], "+.1f"), spread([1.0])
    ('1.50 ± 0.71', '+1.5 ± 0.7', '1.00')
    """
    deviation = f" ± {statistics.stdev(values):{number_format.lstrip('+')}}" if len(values) > 1 else ""
    return f"{statistics.mean(values):{number_format}}{deviation}"


def listed(words: Iterable[str], last: str) -> str:
    """As a sentence lists them.

    >>> listed(["1"], "or"), listed(["1", "2"], "and"), listed(["1", "2", "3"], "or")
    ('1', '1 and 2', '1, 2 or 3')
    """
    *first, end = words
    return f"{', '.join(first)} {last} {end}" if first else end
