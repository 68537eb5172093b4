"""Which channels go: those that matter least for what they cost, until the network costs no more than it may.

Channels of a group go in order of their importance, some at a time, so that widths stay multiples; the group that loses
the least importance for what it saves comes first (the greedy rule for a knapsack: Dantzig, "Discrete-variable extremum
problems", 1957). What a part saves is computed anew as others go: a convolution costs the product of two widths.
Importance is that of one channel beside all others of its group; those that stay take over from those that go. So it
counts the more, the fewer of the group are left: size of the group / channels left. Without that, single layers of a
MobileNet fall to 8 of 1024 channels, and what it knows is lost.
"""

import heapq
from collections.abc import Sequence
from math import gcd

import numpy as np

from compress.errors import UserError
from compress.narrow.cost import Term
from compress.narrow.groups import Group


def by_value(
    groups: Sequence[Group], scores: np.ndarray, terms: Sequence[Term], goal: float, round_to: int
) -> np.ndarray:
    """The numbers of the channels that go.

    Args:
        groups: Those of the network, pinned ones, too.
        scores: The importance of each channel by its number, not negative.
        terms: What the network costs.
        goal: What it may cost, in the same unit.
        round_to: The channels of a group that are left are a multiple, where it has so many.

    Raises:
        UserError: Even with the least channels that each group can have it costs more than ``goal``.
    """
    state = _State(groups, scores, terms, round_to)
    if (least := state.least()) > goal:
        raise Unreachable(least)
    waiting = [(state.price(number)[0], number) for number in range(len(state.queues))]
    heapq.heapify(waiting)
    while state.cost > goal and waiting:
        _, number = heapq.heappop(waiting)
        price, parts = state.price(number)  # it may have changed since
        if waiting and price > waiting[0][0]:
            heapq.heappush(waiting, (price, number))
            continue
        if parts:
            state.remove(number, state.fewest(number, parts, goal))
            heapq.heappush(waiting, (state.price(number)[0], number))
    while state.cost > goal:  # what is measured need not fall with every width: now whatever matters least
        state.remove(state.least_important(), 1)
    return state.removed()


def uniformly(
    groups: Sequence[Group], scores: np.ndarray, terms: Sequence[Term], goal: float, round_to: int
) -> np.ndarray:
    """The same, where every group loses the same share of its channels, as far as ``round_to`` lets it."""
    state = _State(groups, scores, terms, round_to)
    if (least := state.least()) > goal:
        raise Unreachable(least)
    while state.cost > goal:
        shares = [(state.taken[number] + 1) / (len(queue) + 1) for number, queue in enumerate(state.queues)]
        open_ones = [number for number, queue in enumerate(state.queues) if state.taken[number] < len(queue)]
        state.remove(min(open_ones, key=lambda number: shares[number]), 1)
    return state.removed()


CHOICES = {"by_value": by_value, "uniform": uniformly}


class Unreachable(UserError):
    """No choice of channels costs so little; ``least`` is what the network costs with the fewest that it can have."""

    def __init__(self, least: float) -> None:
        self.least = least
        super().__init__(f"cannot be reached: the least is {least:.4g}")


def out_of_reach(share: float) -> str:
    """What is to be said where ``share`` is the smallest fraction that can be left."""
    return f"cannot be reached: with the fewest channels that are possible, {share:.2f} of it is left"


def all_that_can_go(groups: Sequence[Group], scores: np.ndarray, round_to: int) -> np.ndarray:
    """The numbers of all channels but the fewest that each group can have."""
    parts = [part for group in groups if not group.pinned for part in _parts(group, scores, round_to)]
    return np.sort(np.concatenate(parts)) if parts else np.zeros(0, np.int32)


class _State:
    """What is removed so far, and what is left to pay."""

    def __init__(self, groups: Sequence[Group], scores: np.ndarray, terms: Sequence[Term], round_to: int) -> None:
        free = [group for group in groups if not group.pinned]
        self.queues = [_parts(group, scores, round_to) for group in free]
        self.taken = [0] * len(free)
        self._sizes = [len(group.numbers) for group in free]
        self._scores, self._terms = scores, terms
        self._touched = _touched(free, terms)
        self._counts = [[len(axis) for axis in term.axes] for term in terms]
        self._values = [term.value(tuple(counts)) for term, counts in zip(terms, self._counts, strict=True)]
        self.cost = sum(self._values)

    def price(self, number: int) -> tuple[float, int]:
        """(importance for one unit of what is saved, parts) of the best number of next parts of a queue.

        Importance is the sum of the scores times size of the group / channels left.
        """
        left = self.queues[number][self.taken[number] :]
        best = (np.inf, 0)
        # several at once, too: a kernel may gain nothing by the first one
        for parts in sorted({1 << power for power in range(len(left).bit_length())} | {len(left)}):
            chosen = left[:parts]
            gone = sum(map(len, chosen))
            saved = self._saved(number, gone)
            if saved > 0:
                lost = (
                    sum(self._scores[part].sum() for part in chosen) * self._sizes[number] / (self._left(number) - gone)
                )
                best = min(best, (float(lost) / saved, parts))
        return best

    def remove(self, number: int, parts: int) -> None:
        chosen = self.queues[number][self.taken[number] : self.taken[number] + parts]
        gone = sum(map(len, chosen))
        self.taken[number] += parts
        for place, axes in self._touched[number].items():
            for axis, times in axes:
                self._counts[place][axis] -= gone * times
            value = self._terms[place].value(tuple(self._counts[place]))
            self.cost += value - self._values[place]
            self._values[place] = value

    def _left(self, number: int) -> int:
        """How many numbers of a group are left."""
        return self._sizes[number] - sum(map(len, self.queues[number][: self.taken[number]]))

    def fewest(self, number: int, parts: int, goal: float) -> int:
        """The smallest number of next parts, up to ``parts``, that reaches the goal; else all of them."""
        left = self.queues[number][self.taken[number] :]
        gone = np.cumsum([len(part) for part in left[:parts]])
        enough = (place for place, count in enumerate(gone, 1) if self._saved(number, int(count)) >= self.cost - goal)
        return next(enough, parts)

    def least_important(self) -> int:
        """The queue whose next part matters least."""
        waiting = [number for number, queue in enumerate(self.queues) if self.taken[number] < len(queue)]
        return min(waiting, key=lambda number: float(self._scores[self.queues[number][self.taken[number]]].sum()))

    def removed(self) -> np.ndarray:
        parts = [part for queue, taken in zip(self.queues, self.taken, strict=True) for part in queue[:taken]]
        return np.sort(np.concatenate(parts)) if parts else np.zeros(0, np.int32)

    def least(self) -> float:
        """What the network costs with the fewest channels that it can have."""
        counts = [list(each) for each in self._counts]
        for number, queue in enumerate(self.queues):
            gone = sum(map(len, queue))
            for place, axes in self._touched[number].items():
                for axis, times in axes:
                    counts[place][axis] -= gone * times
        return sum(term.value(tuple(each)) for term, each in zip(self._terms, counts, strict=True))

    def _saved(self, number: int, gone: int) -> float:
        saved = 0.0
        for place, axes in self._touched[number].items():
            counts = list(self._counts[place])
            for axis, times in axes:
                counts[axis] -= gone * times
            saved += self._values[place] - self._terms[place].value(tuple(counts))
        return saved


def _parts(group: Group, scores: np.ndarray, round_to: int) -> list[np.ndarray]:
    """The numbers that can go, in the order in which they go; after each part the rest is a multiple again."""
    together = round_to // gcd(round_to, group.at_once)
    size = len(group.numbers)
    if size < 2 * together and group.width > size:  # one number is several channels of a layer
        together = max(1, round_to * size // group.width)
    order = group.numbers[np.argsort(scores[group.numbers], kind="stable")]
    first = size % together or together
    ends = range(first, size, together)  # the last part stays
    return [order[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _touched(groups: Sequence[Group], terms: Sequence[Term]) -> list[dict[int, list[tuple[int, int]]]]:
    """Of each group: number of a term -> (axis, how often it has each channel of the group)."""
    owner = np.full(1 + max((int(group.numbers.max()) for group in groups), default=0), -1)
    for number, group in enumerate(groups):
        owner[group.numbers] = number
    touched: list[dict[int, list[tuple[int, int]]]] = [{} for _ in groups]
    for place, term in enumerate(terms):
        for axis, channels in enumerate(term.axes):
            inside = channels[channels < len(owner)]
            owners, counts = np.unique(owner[inside], return_counts=True)
            for number, count in zip(owners.tolist(), counts.tolist(), strict=True):
                if number >= 0:
                    touched[number].setdefault(place, []).append((axis, count // len(groups[number].numbers)))
    return touched
