"""How far a share of the test examples is to be believed: 95 % intervals."""

import math

Z = 1.959964
"""The normal distribution's 97.5 % quantile."""


def wilson(share: float, count: int, z: float = Z) -> tuple[float, float]:
    """The interval of a share of ``count`` examples, fractions in [0, 1].

    Wilson, "Probable inference, the law of succession, and statistical inference", 1927: unlike the share plus and
    minus its standard error it stays within [0, 1], and does not shrink to nothing where all are right.
    """
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, centre - half), min(1.0, centre + half)


def difference(before: float, after: float, count: int) -> tuple[float, float]:
    """The interval of ``after`` - ``before``, two shares of ``count`` examples each, as if of different examples.

    Newcombe, "Interval estimation for the difference between independent proportions: comparison of eleven methods",
    1998, method 10. Of the same examples, as two stages have them, the true interval is narrower.
    """
    (low_before, high_before), (low_after, high_after) = wilson(before, count), wilson(after, count)
    apart = after - before
    return (
        apart - math.hypot(after - low_after, high_before - before),
        apart + math.hypot(high_after - after, before - low_before),
    )
