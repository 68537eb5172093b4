"""The reliability diagram: how often a network is right against how sure it is."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from compress.report.format import percent, three_digits
from compress.report.style import BLUE, SKY, VERMILION, figure_of
from compress.results import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def reliability(run: Run) -> "Figure | None":
    """Accuracy (%) by confidence (%) in bins, a panel a stage: blue up to the smaller of the two, then their gap in
    another colour by its sign; below, how many test images a bin has. None if no stage recorded them.
    """
    stages = [stage for stage in run.stages if stage.details.get("reliability")]
    if not stages:
        return None
    columns = min(3, len(stages))
    lines = math.ceil(len(stages) / columns)
    figure = figure_of(max(5.0, 3.5 * columns), 4.3 * lines + 0.6, run)
    figure.set_layout_engine("constrained", w_pad=0.1)  # inches: 100 of one panel stands beside 0 of the next
    grid = figure.subplots(2 * lines, columns, squeeze=False, sharex=True, sharey="row", height_ratios=[3.2, 1] * lines)
    most = max(max(stage.details["reliability"]["images"]) for stage in stages)
    for (line, column), stage in zip(np.ndindex(lines, columns), stages, strict=False):
        upper, lower = grid[2 * line : 2 * line + 2, column]
        _bars(upper, stage.details["reliability"])
        upper.set_title(f"{stage.name}\n{_errors(stage.network_metrics)}", fontsize=10)
        _images(lower, stage.details["reliability"]["images"], most)
        lower.set_xlabel("confidence (%)")
        lower.tick_params(labelbottom=True)
        if column == 0:
            upper.set_ylabel("accuracy (%)")
            lower.set_ylabel("images")
    for axes in grid.ravel():
        if not axes.has_data():
            axes.remove()
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    return figure


def _errors(found: Mapping[str, Any]) -> str:
    text = f"ECE {percent(found['ece'])}"
    if found.get("temperature") is None:
        return text
    return f"{text}; {percent(found['ece_scaled'])} at T = {three_digits(found['temperature'])}"


def _bars(axes: "Axes", bins: Mapping[str, Sequence[Any]]) -> None:
    accuracy, confidence = (100 * np.array(bins[name], float) for name in ("accuracy", "confidence"))  # None is NaN
    both = np.fmin(accuracy, confidence)
    _steps(axes, both, 0, BLUE, "accuracy and confidence")
    for higher, colour, label in (
        (accuracy, SKY, "accuracy above confidence: not sure enough"),
        (confidence, VERMILION, "confidence above accuracy: too sure"),
    ):
        _steps(axes, np.where(higher > both, higher, np.nan), both, colour, label)
    axes.plot([0, 100], [0, 100], color="black", linestyle="--", linewidth=1, label="perfectly calibrated")
    axes.set(xlim=(0, 100), ylim=(0, 102), xticks=range(0, 101, 25), yticks=range(0, 101, 25))
    axes.grid(color="0.92")
    axes.set_axisbelow(True)


def _images(axes: "Axes", images: Sequence[int], most: int) -> None:
    """On a log axis, the same for every stage: nearly all images may lie in the last bin, and the few decide gaps."""
    from matplotlib.ticker import NullLocator

    axes.set_yscale("log")
    _steps(axes, np.where(np.array(images) > 0, images, np.nan), 0.5, "0.6")
    axes.set_ylim(0.5, 2 * most)
    ticks = [10**power for power in range(math.floor(math.log10(most)) + 1)]
    axes.set_yticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.yaxis.set_minor_locator(NullLocator())


def _steps(axes: "Axes", tops: np.ndarray, bottoms: Any, colour: str, label: str = "") -> None:
    """A filled bar a bin, one artist for all of them: as rectangles they would take seconds to draw."""
    edges = np.linspace(0, 100, len(tops) + 1)
    axes.stairs(tops, edges, baseline=np.broadcast_to(bottoms, tops.shape), fill=True, color=colour, label=label)
