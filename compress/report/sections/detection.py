"""Precision over recall, and the average precision of each class."""

from typing import TYPE_CHECKING, Any

import numpy as np

from compress.report.format import markdown_table
from compress.report.sections.section import Section
from compress.report.style import figure_of
from compress.results import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_CLASSES = 10  # drawn by themselves, those with the most boxes


def markdown(run: Run) -> str:
    """A table of classes, and what a threshold of confidence gives."""
    stages = _recorded(run)
    if not stages:
        return ""
    names, last = run.data.label_names, stages[-1][1]
    counted = [number for number, each in enumerate(last) if each is not None]
    header = ["AP at 0.5 of", "boxes", *(name for name, _ in stages)]
    rows = [
        [_name(names, number), str(last[number]["boxes"]), *(_percent(classes, number) for _, classes in stages)]
        for number in counted
    ]
    shares = [
        [stage.name, *(_share(stage.network_metrics.get(key)) for key in ("precision", "recall", "f1", "ap50_11"))]
        for stage in run.stages
        if stage.network_metrics
    ]
    least = run.task["confidence"]
    text = f"Of the boxes with a confidence of at least {least:g}, matched at an IoU of 0.5:"
    told = markdown_table(["", "precision", "recall", "F1", "AP at 0.5, 11 points"], shares)
    return f"{markdown_table(header, rows)}\n{text}\n\n{told}"


def precision_over_recall(run: Run) -> "Figure | None":
    """The curves of the last stage; None where it recorded none."""
    stages = _recorded(run)
    if not stages:
        return None
    name, classes = stages[-1]
    there = [number for number, each in enumerate(classes) if each is not None]
    shown = sorted(sorted(there, key=lambda number: -classes[number]["boxes"])[:MOST_CLASSES])
    figure = figure_of(6.4, 4.2, run)
    axes = figure.subplots()
    for number in shown:
        each = classes[number]
        recall, precision = np.array([0.0, *each["recall"]]), np.array([*each["precision"][:1], *each["precision"]])
        if len(recall) > 1:
            label = f"{_name(run.data.label_names, number)}, AP {100 * each['ap50']:.1f} %"
            axes.step(100 * recall, 100 * precision, where="pre", label=label)
    axes.set(xlim=(0, 102), ylim=(0, 105), xlabel="recall (%)", ylabel="precision (%)")
    axes.set_title(f"{name}, IoU of 0.5, {run.data.test} test images", fontsize=9)
    axes.grid(color="0.92")
    axes.set_axisbelow(True)
    if axes.lines:
        axes.legend(fontsize=8, loc="lower left")
    return figure


def _recorded(run: Run) -> list[tuple[str, Any]]:
    """(stage, what it recorded of each class) of those that did."""
    return [(stage.name, stage.details["classes"]) for stage in run.stages if stage.details.get("classes")]


def _name(names: list[str], number: int) -> str:
    return names[number] if number < len(names) else str(number)


def _percent(classes: list[Any], number: int) -> str:
    each = classes[number] if number < len(classes) else None
    return "" if each is None else f"{100 * each['ap50']:.1f} %"


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"


SECTION = Section(
    "Boxes",
    markdown,
    plots={"precision_over_recall": precision_over_recall},
    captions={"precision_over_recall": "Precision over recall, of the last stage, each class by itself"},
)
