"""Numbers as the tables of results have them."""

import statistics
from collections.abc import Sequence


def spread(values: Sequence[float], number_format: str = ".2f") -> str:
    """Mean and standard deviation; of a single value, the value alone.

    ``number_format`` formats both; a "+" in it is for the mean only.

    >>> spread([1.0, 2.0]), spread([1.0, 2.0], "+.1f"), spread([1.0])
    ('1.50 ± 0.71', '+1.5 ± 0.7', '1.00')
    """
    deviation = f" ± {statistics.stdev(values):{number_format.lstrip('+')}}" if len(values) > 1 else ""
    return f"{statistics.mean(values):{number_format}}{deviation}"
