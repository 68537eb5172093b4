"""The README's picture: what each stage leaves of the size and of the latency, and what it keeps of the accuracy."""

import statistics
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from benchmarks.front.table import STEPS
from compress.report.style import BLUE, SKY, VERMILION
from compress.results import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = (
    # title, value of a stage, how it is written, colour
    ("size of the .tflite, MB", lambda stage: stage.sparse_tflite_bytes / 1e6, "{:.2f}", BLUE),
    ("latency on the host, ms", lambda stage: stage.latency.latency_ms_p50, "{:.2f}", VERMILION),
    ("top-1 on held-out images, %", lambda stage: 100 * stage.metrics["top1"], "{:.1f}", SKY),
)


def draw(runs: Sequence[Run]) -> "Figure":
    """Bars of the mean over the seeds of ``runs``, of one pipeline."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 2.5), facecolor="white", layout="constrained")
    places = range(len(STEPS))[::-1]
    for axes, (title, value, written, colour) in zip(
        figure.subplots(1, len(COLUMNS), sharey=True), COLUMNS, strict=True
    ):
        means = [statistics.mean(value(run.stage(name)) for run in runs) for name in STEPS]
        axes.barh(places, means, color=colour, height=0.62)
        axes.set_title(title, fontsize=10, loc="left")
        axes.set_xlim(0, 1.2 * max(means))
        for place, mean in zip(places, means, strict=True):
            axes.text(mean, place, " " + written.format(mean), va="center", fontsize=9)
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
