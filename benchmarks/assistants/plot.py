"""The picture of chains of assistants: the student's top-1 by arm, and the errors that are handed on."""

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.assistants.arms import ARMS
from benchmarks.studies import Chain
from compress.report.style import BLUE, DPI, VERMILION

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CHAINS = {"takd": ("TAKD", VERMILION), "dgkd": ("DGKD", BLUE)}


def draw(results: Sequence[Chain]) -> "Figure":
    """``results``: as ``__main__`` keeps them, of all arms."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 3.8), dpi=DPI, facecolor="white", layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    arms = [arm for arm in ARMS if any(result.arm == arm for result in results)]
    for row, arm in enumerate(reversed(arms)):
        values = [100 * result.student.top1 for result in results if result.arm == arm]
        left.plot(values, [row] * len(values), "o", color=BLUE, markerfacecolor="white", markersize=6)
        left.plot([statistics.mean(values)], [row], "|", color=BLUE, markersize=18, markeredgewidth=2)
    left.set_yticks(range(len(arms)), list(reversed(arms)))
    left.set_xlabel("student's test top-1 (%); rings: seeds, bars: their mean")
    left.margins(y=0.1)
    for arm, (name, colour) in CHAINS.items():
        chains = [result.wrong_in_common for result in results if result.arm == arm]
        shares = [statistics.mean(column) for column in zip(*chains, strict=True)]
        right.plot(["8", "6", "4", "2"], shares, "o-", color=colour, label=name)
    right.set(xlabel="convolutions of the network", ylabel="share of its errors made before it", ylim=(0, 1))
    right.legend(frameon=False, loc="lower right")
    for axes in (left, right):
        axes.grid(color="0.92")
        axes.set_axisbelow(True)
    return figure
