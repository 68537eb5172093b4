"""The README's picture: what each stage leaves of the size and of the latency, and what it keeps of the accuracy."""

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from benchmarks.front.table import STEPS, mean
from compress.report.style import BLUE, SKY, VERMILION
from compress.results import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = (
    # title, which of VALUES, its factor, how it is written, colour
    ("size of the sparse .tflite, MB", "megabytes", 1, "{:.2f}", BLUE),
    ("latency on the host, ms", "latency", 1, "{:.2f}", VERMILION),
    ("top-1 on held-out images, %", "top1", 100, "{:.1f}", SKY),
)


def draw(runs: Sequence[Run]) -> "Figure":
    """Bars of the mean over the seeds of ``runs``, of one pipeline."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 2.5), facecolor="white", layout="constrained")
    places = range(len(STEPS))[::-1]
    for axes, (title, value, factor, written, colour) in zip(
        figure.subplots(1, len(COLUMNS), sharey=True), COLUMNS, strict=True
    ):
        means = [factor * mean(runs, name, value) for name in STEPS]
        axes.barh(places, means, color=colour, height=0.62)
        axes.set_title(title, fontsize=10, loc="left")
        axes.set_xlim(0, 1.2 * max(means))
        for place, width in zip(places, means, strict=True):
            axes.text(width, place, " " + written.format(width), va="center", fontsize=9)
        axes.set_yticks(places, STEPS.values())
        axes.tick_params(length=0)
        axes.xaxis.set_visible(False)
        for side in ("top", "right", "bottom"):
            axes.spines[side].set_visible(False)
    return figure


def svg(figure: "Figure") -> str:
    """The figure as text that is the same each time: no date, no random names, lines that git can compare."""
    from matplotlib import rc_context

    content = BytesIO()
    with rc_context({"svg.hashsalt": "jetslim", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None})
    return "\n".join(line.rstrip() for line in content.getvalue().decode().splitlines()) + "\n"
