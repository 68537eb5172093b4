"""Which points nothing else beats: the Pareto front of two or more quantities."""

from collections.abc import Sequence


def dominated(points: Sequence[Sequence[float]]) -> list[bool]:
    """Of each point, whether another is at least as good in all quantities and better in one; less is better.

    >>> dominated([(1, 5), (2, 4), (2, 5), (1, 5)])
    [False, False, True, False]
    """
    return [
        any(tuple(other) != tuple(point) and all(a <= b for a, b in zip(other, point, strict=True)) for other in points)
        for point in points
    ]
