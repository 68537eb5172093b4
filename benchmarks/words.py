"""Numbers as the tables of results have them."""

import statistics
from collections.abc import Sequence


def spread(values: Sequence[float], form: str = ".2f") -> str:
    """Mean and standard deviation, of one value the value; ``form`` is the mean's, its sign is the deviation's not.

    >>> spread([1.0, 2.0]), spread([1.0, 2.0], "+.1f"), spread([1.0])
    ('1.50 ± 0.71', '+1.5 ± 0.7', '1.00')
    """
    deviation = f" ± {statistics.stdev(values):{form.lstrip('+')}}" if len(values) > 1 else ""
    return f"{statistics.mean(values):{form}}{deviation}"
