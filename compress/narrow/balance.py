"""Channels that the groups of a convolution lose together, so that all groups stay equally wide."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import count

import numpy as np

Units = list[list[int]]
Counts = tuple[tuple[int, ...], ...]
"""Of a channel: how often each group of each partition has it."""
MOST_ROUNDS, MOST_VISITS = 4, 2000


def balanced(partitions: Sequence[np.ndarray]) -> tuple[Units, list[int]]:
    """(sets of channels, the channels that are in none).

    Each partition is what a convolution reads or gives, (groups, channels of a group). A set takes as many channels
    of each group of every partition that it touches, whatever order these are in: behind a shuffle, too.
    """
    units: Units = []
    left: list[int] = []
    for part in _components(partitions):
        buckets: dict[Counts, list[int]] = defaultdict(list)
        for channel in np.unique(np.concatenate([partition.ravel() for partition in part])):
            counts = (np.count_nonzero(partition == channel, axis=1) for partition in part)
            buckets[tuple(tuple(map(int, each)) for each in counts)].append(int(channel))
        while (unit := _evenly(buckets, max(map(len, part)))) is not None:
            units.append(unit)
        left += [channel for channels in buckets.values() for channel in channels]
    return units, left


def _components(partitions: Sequence[np.ndarray]) -> Iterator[list[np.ndarray]]:
    """Partitions that have channels in common, directly or by others; equal ones once."""
    waiting = {(partition.shape, partition.tobytes()): partition for partition in partitions}
    while waiting:
        part = [waiting.pop(next(iter(waiting)))]
        seen = set(np.unique(part[0]))
        while touching := [key for key, partition in waiting.items() if not seen.isdisjoint(np.unique(partition))]:
            part += [waiting.pop(key) for key in touching]
            seen = set(np.unique(np.concatenate([partition.ravel() for partition in part])))
        yield part


def _evenly(buckets: dict[Counts, list[int]], groups: int) -> list[int] | None:
    """Takes a set as in ``balanced`` out of the buckets; None where none is found."""
    visits = count()

    def search(chosen: list[Counts]) -> list[Counts] | None:
        if len(chosen) > MOST_ROUNDS * groups or next(visits) > MOST_VISITS:
            return None
        wanting = _group_that_lacks(chosen)
        if wanting is None:
            return chosen
        partition, group = wanting
        for key, channels in buckets.items():
            is_left = key[partition][group] and chosen.count(key) < len(channels)
            if is_left and (result := search([*chosen, key])) is not None:
                return result
        return None

    for first, channels in buckets.items():
        if channels and (chosen := search([first])) is not None:
            return [buckets[key].pop(0) for key in chosen]
    return None


def _group_that_lacks(chosen: list[Counts]) -> tuple[int, int] | None:
    """(partition, the group of which the fewest channels are chosen) where not all groups have as many; else None."""
    for partition, counts in enumerate(zip(*chosen, strict=True)):
        total = [sum(of_group) for of_group in zip(*counts, strict=True)]
        if min(total) != max(total):
            return partition, total.index(min(total))
    return None
