"""How runtimes take turns in one process, and what their turns say: pure functions, for any interpreter.

The speed of a shared machine drifts by tens of percent within minutes. So nothing is compared across a run: in a round
every runtime has its turn, a pair is two turns of one round, and a result is the median of the pairs' ratios.
"""

import statistics
from collections.abc import Sequence

Round = dict[str, list[float]]  # runtime -> milliseconds of each inference of its turn


def order(runtimes: Sequence[str], number: int) -> list[str]:
    """Who runs when in a round: forwards in even ones, backwards in odd ones, so that no one is always second."""
    return list(runtimes) if number % 2 == 0 else list(reversed(runtimes))


def ratios(rounds: Sequence[Round], one: str, other: str) -> list[float]:
    """Median of ``one`` / median of ``other``, a round each."""
    return [statistics.median(each[one]) / statistics.median(each[other]) for each in rounds]


def typical(rounds: Sequence[Round], runtime: str) -> float:
    """The median, over rounds, of the median of a turn, in milliseconds."""
    return statistics.median(statistics.median(each[runtime]) for each in rounds)
