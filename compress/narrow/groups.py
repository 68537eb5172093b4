"""Channels that play the same part: whatever one of them is made by and read by, the others of its group are, too."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from compress.narrow.trace import Trace

Part = Literal["made by", "through", "read by"]


@dataclass(frozen=True)
class Member:
    """A layer that has the channels of a group; ``channels``: how many of its own these are.

    It makes them, as a convolution does; passes them on with weights for each, as a batch normalization; or reads them.
    """

    layer: str
    part: Part
    channels: int


@dataclass(frozen=True)
class Group:
    """A set of channels of which some can be removed, wherever they are."""

    numbers: np.ndarray
    """The channels' numbers in the trace, (numbers,)."""
    members: tuple[Member, ...]
    pinned: str = ""
    """Why none can be removed; "" for a group that can be narrowed."""
    at_once: int = 1
    """Of how many neighbouring channels of a layer each number stands for: those of a small group of a convolution."""

    @property
    def name(self) -> str:
        """The first layer that makes its channels, or has them."""
        return self.members[0].layer

    @property
    def width(self) -> int:
        """How many channels that layer has of them."""
        return self.members[0].channels

    def __str__(self) -> str:
        parts = [f"{self.width} channels"]
        for part in get_args(Part):
            layers = [_text(member, self.width) for member in self.members if member.part == part]
            parts += [f"{part} {', '.join(layers)}"] if layers else []
        return "; ".join([*parts, *([f"stays: {self.pinned}"] if self.pinned else [])])


def groups(trace: Trace) -> list[Group]:
    """The groups in the order in which their channels are made; those that are pinned, too."""
    members = list(_occurrences(trace))
    signature: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for place, (*_, channels) in enumerate(members):
        for number, times in zip(*np.unique(channels, return_counts=True), strict=True):
            signature[int(number)].append((place, int(times)))
    by_part: dict[tuple[tuple[tuple[int, int], ...], str], list[int]] = defaultdict(list)
    for number in sorted(signature):
        by_part[tuple(signature[number]), trace.pinned.get(number, "")].append(number)
    return [
        Group(
            np.array(numbers),
            tuple(Member(members[place][0], members[place][1], times * len(numbers)) for place, times in part),
            reason,
            _run_length(members[part[0][0]][2], numbers[0]),
        )
        for (part, reason), numbers in by_part.items()
    ]


def _occurrences(trace: Trace) -> Iterator[tuple[str, Part, np.ndarray]]:
    """(layer, its part, channels) wherever layers with weights have channels; makers come first."""
    yield from ((name, "made by", trace.made[name]) for name in trace.given if name in trace.makers)
    for name, channels in trace.given.items():
        yield name, "read by" if name in trace.makers else "through", channels


def _run_length(channels: np.ndarray, number: int) -> int:
    """How many neighbours have the same number, where it comes first."""
    places = np.flatnonzero(channels == number)
    jumps = np.flatnonzero(np.diff(places) != 1)
    return int(jumps[0]) + 1 if len(jumps) else len(places)


def _text(member: Member, width: int) -> str:
    return member.layer if member.channels == width else f"{member.layer} ({member.channels})"
