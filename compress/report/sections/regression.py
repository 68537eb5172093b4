"""Predicted against true numbers, and the errors of each number by itself."""

import math
from typing import TYPE_CHECKING

import numpy as np

from compress.report.format import markdown_table, three_digits
from compress.report.sections.section import Section
from compress.report.style import BLUE, figure_of
from compress.results import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_NUMBERS = 6  # panels of the plot


def markdown(run: Run) -> str:
    """A row a number, of the last stage; "" where it recorded none."""
    numbers = run.stages[-1].details.get("numbers") if run.stages else None
    if not numbers:
        return ""
    columns = (numbers[key] for key in ("mae", "rmse", "bias"))
    lines = [
        [name, *(three_digits(value) for value in values)]
        for name, *values in zip(_names(run, len(numbers["mae"])), *columns, strict=True)
    ]
    header = ("number", "mean absolute error", "root mean squared error", "bias (mean error)")
    text = f"Measured for `{run.stages[-1].name}` on the test images, in the units of the numbers."
    return f"{markdown_table(header, lines)}\n{text}\n"


def predicted_over_true(run: Run) -> "Figure | None":
    """The numbers of the last stage over the true ones, a panel a number; None where it recorded none."""
    values = run.stages[-1].details.get("points") if run.stages else None
    if not values:
        return None
    true, predicted = (np.array(values[key], float) for key in ("true", "predicted"))
    count = min(true.shape[1], MOST_NUMBERS)
    columns = min(3, count)
    lines = math.ceil(count / columns)
    figure = figure_of(max(4.6, 3.8 * columns), 3.6 * lines + 0.6, run)
    panels = np.ravel(figure.subplots(lines, columns, squeeze=False))
    for number, (axes, name) in enumerate(zip(panels, _names(run, true.shape[1]), strict=False)):
        both = np.concatenate([true[:, number], predicted[:, number]])
        room = 0.05 * (np.ptp(both) or 1.0)
        limits = (both.min() - room, both.max() + room)
        axes.plot(limits, limits, color="0.6", linewidth=1, zorder=1)
        axes.plot(true[:, number], predicted[:, number], "o", color=BLUE, markersize=3, alpha=0.6)
        axes.set(xlim=limits, ylim=limits, xlabel=f"true {name}", ylabel=f"predicted {name}", aspect="equal")
        axes.grid(color="0.92")
        axes.set_axisbelow(True)
    for axes in panels[count:]:
        axes.remove()
    return figure


def _names(run: Run, count: int) -> list[str]:
    names = run.data.label_names
    return names if len(names) == count else [str(number) for number in range(count)]


SECTION = Section(
    "Numbers",
    markdown,
    plots={"predicted_over_true": predicted_over_true},
    captions={"predicted_over_true": "Predicted over true values, of the last stage"},
)
