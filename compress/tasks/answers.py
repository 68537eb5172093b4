"""What a network's answers tell of how much it knows."""

from dataclasses import dataclass

import numpy as np

STANDARD_ERRORS = 3.0


@dataclass(frozen=True)
class Answers:
    """What a network says of ``count`` examples with known targets, summed up so that its pixels can be told.

    ``right`` is the fraction that it gets right, ``confidence`` how sure it is of its answers on average, in [0, 1],
    ``nll`` the mean negative log-likelihood of the targets, in nats, and ``spread`` how far its largest logit lies
    above the mean of all, on average.
    """

    right: float
    confidence: float
    nll: float
    spread: float
    count: int


def at_chance(share: float, count: int, chance: float) -> bool:
    """Whether so many right answers of ``count`` are what a network would get that knows nothing."""
    return share <= chance + STANDARD_ERRORS * standard_error(chance, count)


def standard_error(share: float, count: int) -> float:
    """Of a share of ``count`` examples, never 0."""
    return float(np.sqrt(max(share * (1 - share), 1 / count) / count))
