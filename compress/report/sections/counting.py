"""Predicted against true counts, errors by how many things there are, and images at their own sizes."""

from typing import TYPE_CHECKING, Any

import numpy as np

from compress.report.format import markdown_table, three_digits
from compress.report.sections.section import Section
from compress.report.style import BLUE, figure_of
from compress.results import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def markdown(run: Run) -> str:
    """The two tables, of what was recorded."""
    return "\n\n".join(text for text in (_by_count(run), _whole(run)) if text)


def _by_count(run: Run) -> str:
    stages = _recorded(run, "by_count")
    if not stages:
        return ""
    header = ["mean absolute error of", *_ranges(stages[0][1])]
    rows = [
        [name, *(f"{three_digits(mae)} ({bias:+.3g})" for mae, bias in zip(parts["mae"], parts["bias"], strict=True))]
        for name, parts in stages
    ]
    text = (
        f"The test images are split into equal parts by how many {_things(run)} they show. In parentheses: the mean "
        "error (bias)."
    )
    return f"{markdown_table(header, rows)}\n{text}"


def _whole(run: Run) -> str:
    stages = [stage for stage in run.stages if stage.whole_images and stage.measured_on == "network"]
    if not stages:
        return ""
    rows = []
    for stage in stages:
        whole, fixed = stage.whole_images or {}, stage.network_metrics
        pairs = [(whole.get(key), fixed.get(key)) for key in ("mae", "rmse", "bias")]
        rows.append([stage.name, *("" if value is None else three_digits(value) for pair in pairs for value in pair)])
    size = "x".join(map(str, run.data.shape[:2]))
    names = ("MAE", "RMSE", "bias")
    header = ["network", *(title for name in names for title in (f"{name}, own sizes", f"{name}, {size}"))]
    text = (
        "Each network was measured on the test images at their own sizes, one at a time, and scaled to "
        f"{size}, the size that the .tflite files read."
    )
    return f"{markdown_table(header, rows)}\n{text}"


def predicted_over_true(run: Run) -> "Figure | None":
    """The counts of the last stage over the true ones; None where it recorded none."""
    stages = _recorded(run, "counts")
    if not stages:
        return None
    true, predicted = (np.array(stages[-1][1][key], float) for key in ("true", "predicted"))
    figure = figure_of(4.8, 4.8, run)
    axes = figure.subplots()
    both = np.concatenate([true, predicted])
    room = 0.05 * (np.ptp(both) or 1.0)
    limits = (both.min() - room, both.max() + room)
    axes.plot(limits, limits, color="0.6", linewidth=1, zorder=1)
    axes.plot(true, predicted, "o", color=BLUE, markersize=4, alpha=0.6)
    axes.set(
        xlim=limits, ylim=limits, xlabel=f"true number of {_things(run)}", ylabel="predicted number", aspect="equal"
    )
    axes.set_title(f"{stages[-1][0]}, {len(true)} test images", fontsize=9)
    axes.grid(color="0.92")
    axes.set_axisbelow(True)
    return figure


def errors_by_count(run: Run) -> "Figure | None":
    """A heat map: stages down, parts of the test images by their counts to the right; mean absolute errors."""
    stages = _recorded(run, "by_count")
    if not stages:
        return None
    errors = np.array([parts["mae"] for _, parts in stages])
    figure = figure_of(1.8 + 1.1 * errors.shape[1], 1.4 + 0.45 * len(stages), run)
    axes = figure.subplots()
    axes.imshow(errors, cmap="YlOrRd", aspect="auto", vmin=0)
    axes.set_xticks(range(errors.shape[1]), _ranges(stages[0][1]))
    axes.set_yticks(range(len(stages)), [name for name, _ in stages])
    axes.set_xlabel(f"{_things(run)} in the image")
    for (row, column), error in np.ndenumerate(errors):
        dark = error > 0.6 * errors.max()
        axes.text(column, row, three_digits(error), ha="center", va="center", color="white" if dark else "black")
    return figure


def _things(run: Run) -> str:
    """What is counted."""
    return run.data.label_names[0] if run.data.label_names else "things"


def _ranges(parts: dict[str, Any]) -> list[str]:
    return [f"{low:.0f} to {high:.0f}" for low, high in zip(parts["from"], parts["to"], strict=True)]


def _recorded(run: Run, what: str) -> list[tuple[str, Any]]:
    """(stage, what it recorded of that name) of those that did."""
    return [(stage.name, stage.details[what]) for stage in run.stages if stage.details.get(what)]


SECTION = Section(
    "Counts",
    markdown,
    plots={"predicted_over_true": predicted_over_true, "errors_by_count": errors_by_count},
    captions={
        "predicted_over_true": "Predicted over true values, of the last stage",
        "errors_by_count": "Mean absolute error of the count, by how many things an image shows",
    },
)
