"""The plots of a run."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compress.artifacts.files import replace
from compress.prune.gradual import scheduled_sparsity
from compress.report import point_labels
from compress.report.narrowing import channels
from compress.report.sections import SECTIONS
from compress.report.style import BLACK, BLUE, GREEN, ORANGE, PALETTE, PURPLE, VERMILION, figure_of, png
from compress.results import Metric, Run, StageResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_FILLED = {"markersize": 8, "markeredgecolor": "white", "markeredgewidth": 0.7}
# a ring, as it mostly lies where the stage before it does
_RING = {"markersize": 12, "markerfacecolor": "none", "markeredgewidth": 1.4}
KINDS = {
    "train": (BLUE, "o", _FILLED),
    "distill": (GREEN, "s", _FILLED),
    "narrow": (ORANGE, "v", _FILLED),
    "prune": (VERMILION, "^", _FILLED),
    "quantize": (PURPLE, "D", _FILLED),
    "export": (BLACK, "o", _RING),
}
FAR_APART = 12  # times: on a linear axis the fast ones would lie on each other


def write_plots(run: Run, folder: Path) -> list[Path]:
    """Writes each plot that has something to show as a PNG; one left by an earlier run that has nothing now goes."""
    written = []
    plots = {draw.__name__: draw for draw in (size_and_latency, channels, sparsity, training)}
    for name in {name for section in SECTIONS.values() for name in section.plots}:
        (folder / f"{name}.png").unlink(missing_ok=True)
    if section := SECTIONS.get(run.task["name"]):
        plots |= section.plots
    for name, draw in plots.items():
        path, figure = folder / f"{name}.png", draw(run)
        if figure is None:
            path.unlink(missing_ok=True)
        else:
            written.append(replace(path, png(figure)))
    return written


def size_and_latency(run: Run) -> "Figure | None":
    """The first metric against size (MB, the smaller of the dense and the sparse .tflite) and against p50 latency (ms).

    One named point a stage, arrows from what it read. None if no stage has that metric.
    """
    if not run.metrics:
        return None
    metric = run.first_metric
    values = {stage.name: value for stage in run.stages if (value := stage.metrics.get(metric.key)) is not None}
    stages = [stage for stage in run.stages if stage.name in values]
    if not stages:
        return None
    ys = {name: metric.factor * value for name, value in values.items()}
    figure = figure_of(11, 5.2, run)
    left, right = figure.subplots(1, 2, sharey=True)
    limits = axis_limits(list(ys.values()), metric)
    panels = (
        (left, [_shipped_megabytes(stage) for stage in stages]),
        (right, [None if stage.latency is None else stage.latency.latency_ms_p50 for stage in stages]),
    )
    for axes, xs in panels:
        _points(axes, stages, xs, ys, limits, metric)
    left.set_xscale("log")
    _ticks_1_2_5(left, [x for x in panels[0][1] if x])
    left.set_xlabel("size (MB): the smaller of dense and sparse .tflite")
    left.set_ylabel(f"test {metric.axis}")
    right.set_xlabel(f"latency (ms), median, batch 1, one thread, {run.machine.get('label', 'host')}")
    timed = [x for x in panels[1][1] if x]
    if timed and max(timed) > FAR_APART * min(timed):
        right.set_xscale("log")
        _ticks_1_2_5(right, timed)
    else:
        right.set_xlim(0, 1.12 * max(timed, default=1))
    right.tick_params(labelleft=True)
    figure.legend(handles=_kind_legend(stages), loc="outside lower center", ncols=len(KINDS), frameon=False, fontsize=9)
    for axes, xs in panels:
        shown = [(stage.name, x, ys[stage.name]) for stage, x in zip(stages, xs, strict=True) if x]
        point_labels.place(axes, [name for name, _, _ in shown], [x for _, x, _ in shown], [y for _, _, y in shown])
    return figure


def sparsity(run: Run) -> "Figure | None":
    """Measured sparsity (fraction) against the training step over the schedule's curve, a panel a prune stage.

    None if no stage recorded either.
    """
    stages = [stage for stage in run.stages if stage.sparsity_steps or stage.sparsity_schedule]
    if not stages:
        return None
    figure = figure_of(7, 4.2 * len(stages), run)
    for axes, stage in zip(np.ravel(figure.subplots(len(stages), 1, squeeze=False)), stages, strict=True):
        measured = stage.sparsity_steps
        steps = np.array([row.step for row in measured], float)
        schedule = stage.sparsity_schedule
        if schedule:
            every = np.linspace(0, max([schedule.end_step, *steps]), 400)
            axes.plot(
                every,
                scheduled_sparsity(
                    every,
                    schedule.initial_sparsity,
                    schedule.final_sparsity,
                    schedule.begin_step,
                    schedule.end_step,
                ),
                color=BLUE,
                linewidth=1.8,
                label="schedule: $s_f + (s_i - s_f)\\,(1 - (t - t_0)/(t_{end} - t_0))^3$, Zhu and Gupta, 2017",
            )
        if measured:
            axes.plot(
                steps,
                [row.sparsity for row in measured],
                linestyle="none",
                marker="o",
                markersize=4.5,
                markerfacecolor="white",
                color=VERMILION,
                label="measured",
            )
        axes.set(xlabel="training step", ylabel="sparsity (fraction of zeros)", ylim=(-0.02, 1.02))
        axes.set_title(stage.name, fontsize=10)
        axes.legend(loc="upper left" if _tops_out_below(stage, 0.8) else "lower right", fontsize=8, framealpha=1)
    return figure


def training(run: Run) -> "Figure | None":
    """Loss and the first metric on validation by epoch, a panel a training stage; where a stage recorded how alike
    teacher and student switch their neurons, a panel of that follows. None if no stage has a history.
    """
    panels: list[tuple[Any, StageResult]] = []
    for stage in run.stages:
        if stage.history:
            panels.append((partial(_losses, metric=run.first_metric if run.metrics else None), stage))
            if _similarities(stage.history):
                panels.append((_similarity, stage))
    if not panels:
        return None
    columns = min(3, len(panels))
    lines = math.ceil(len(panels) / columns)
    figure = figure_of(max(6.0, 4.3 * columns), 3.3 * lines + 0.6, run)
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.1)  # inches: two axes' labels meet between panels
    grid = np.ravel(figure.subplots(lines, columns, squeeze=False))
    for axes, (draw, stage) in zip(grid, panels, strict=False):
        draw(axes, stage)
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
    for axes in grid[len(panels) :]:
        axes.remove()
    return figure


def axis_limits(values: Sequence[float], metric: Metric) -> tuple[float, float]:
    """(low, high) for an axis of such values: room around them; of per cents as ``percent_limits``."""
    if metric.unit == "%":
        return percent_limits(values)
    low, high = min(values), max(values)
    room = 0.18 * (high - low) or 0.05 * abs(high) or 1.0
    return low - room, high + room


def percent_limits(percents: Sequence[float]) -> tuple[float, float]:
    """(low, high) for an axis of per cents: room around the values, at least 2 points wide, little above 100."""
    low, high = min(percents), max(percents)
    room = max(0.18 * (high - low), 1 - (high - low) / 2)
    top = min(high + room, 100 + 0.08 * (high - low + 2 * room))
    return max(min(low - room, top - 2), -2.0), top


def _points(
    axes: "Axes",
    stages: Sequence[StageResult],
    xs: Sequence[float | None],
    ys: Mapping[str, float],
    limits: tuple[float, float],
    metric: Metric,
) -> None:
    shown = [(x, ys[stage.name], stage) for x, stage in zip(xs, stages, strict=True) if x]
    points = {stage.name: (x, y) for x, y, stage in shown}
    for before, (x, y, stage) in zip([None, *(stage.name for *_, stage in shown)], shown, strict=False):
        for source in [before] if stage.reads is None else stage.reads:  # older results do not say what a stage read
            if source in points and points[source] != (x, y):
                arrow = {"arrowstyle": "-|>", "color": "0.65", "linewidth": 1.1, "shrinkA": 5, "shrinkB": 5}
                axes.annotate("", (x, y), points[source], arrowprops=arrow)
    for x, y, stage in shown:
        axes.plot(x, y, zorder=4, **_marker(stage.kind))
    if not shown:
        axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center", color="0.4")
        axes.set_xticks([])
    axes.set_ylim(*limits)
    if metric.unit == "%":
        _ticks_to_100(axes)
    axes.grid(color="0.92")
    axes.set_axisbelow(True)


def _shipped_megabytes(stage: StageResult) -> float | None:
    # few zeros make the sparse file the larger one: nobody would ship it then
    sizes = [size for size in (stage.tflite_bytes, stage.sparse_tflite_bytes) if size]
    return min(sizes) / 1e6 if sizes else None


def _ticks_1_2_5(axes: "Axes", values: Sequence[float]) -> None:
    """A log axis with plain numbers, wide enough (5 times) for two of 1, 2, 5, 10, ... at least."""
    from matplotlib.ticker import NullLocator

    low, high = min(values, default=1.0), max(values, default=1.0)
    room = max(1.8, math.sqrt(5 * low / high))
    low, high = low / room, high * room
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [digit * 10.0**decade for decade in decades for digit in (1, 2, 5) if low <= digit * 10.0**decade <= high]
    axes.set_xlim(low, high)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())


def _ticks_to_100(axes: "Axes") -> None:
    from matplotlib.ticker import MaxNLocator

    low, high = axes.get_ylim()
    ticks = MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(low, high)
    axes.set_yticks([tick for tick in np.round(ticks, 6) if max(low, 0) <= tick <= min(high, 100)])


def _kind_legend(stages: Sequence[StageResult]) -> list[Any]:
    from matplotlib.lines import Line2D

    present = {stage.kind for stage in stages}
    return [Line2D([], [], label=kind, **_marker(kind)) for kind in KINDS if kind in present]


def _marker(kind: str) -> dict[str, Any]:
    colour, marker, shape = KINDS.get(kind, ("0.4", "o", _FILLED))
    return {"marker": marker, "color": colour, "linestyle": "none", **shape}


def _tops_out_below(stage: StageResult, level: float) -> bool:
    schedule = stage.sparsity_schedule
    return max([*(row.sparsity for row in stage.sparsity_steps), schedule.final_sparsity if schedule else 0.0]) < level


def _losses(axes: "Axes", stage: StageResult, metric: Metric | None) -> None:
    rows = stage.history
    epochs, losses = _column(rows, "epoch"), _column(rows, "loss")
    scores = np.full(len(rows), np.nan) if metric is None else metric.factor * _column(rows, f"val_{metric.key}")
    axes.plot(epochs, losses, color=BLUE, marker="o", markersize=3.5, linewidth=1.6)
    axes.set_ylabel("loss", color=BLUE)
    axes.tick_params(axis="y", labelcolor=BLUE)
    axes.set_title(stage.name, fontsize=10)
    names = _similarities(rows)
    boundaries = max((float(row["epoch"]) for row in rows if any(row.get(name) for name in names)), default=0.0)
    if 0 < boundaries < epochs.max():  # a phase that taught activations, then one that teaches labels
        axes.axvline(boundaries + 0.5, color="0.5", linestyle=":", linewidth=1.2)
        axes.set_title(f"{stage.name} (another loss from the dotted line on)", fontsize=10)
    positive = losses[losses > 0]
    if positive.size and positive.size == np.isfinite(losses).sum() and positive.max() > 30 * positive.min():
        axes.set_yscale("log")
        axes.set_ylabel("loss (log scale)", color=BLUE)
        axes.tick_params(axis="y", which="both", labelcolor=BLUE)
    if metric is not None and np.isfinite(scores).any():
        right = axes.twinx()
        right.plot(epochs, scores, color=VERMILION, marker="s", markersize=3.5, linewidth=1.6, linestyle="--")
        right.set_ylabel(f"validation {metric.axis}", color=VERMILION)
        right.tick_params(axis="y", labelcolor=VERMILION)
        right.set_ylim(*axis_limits(scores[np.isfinite(scores)].tolist(), metric))
        if metric.unit == "%":
            _ticks_to_100(right)


def _similarity(axes: "Axes", stage: StageResult) -> None:
    rows = stage.history
    for index, name in enumerate(_similarities(rows)):
        axes.plot(
            _column(rows, "epoch"),
            _column(rows, name),
            color=PALETTE[index % len(PALETTE)],
            marker=MARKERS[index % len(MARKERS)],
            markersize=4,
            linewidth=1.5,
            linestyle="-" if index < len(PALETTE) else "--",
            label=name.removeprefix("similarity_"),
        )
    epochs = _column(rows, "epoch")
    axes.set_xlim(epochs.min() - 0.5, epochs.max() + 0.5)
    axes.set_ylabel("units on or off as in the teacher (fraction)")
    axes.set_title(f"{stage.name}: similarity to the teacher", fontsize=10)
    axes.legend(fontsize=8, framealpha=0.9)


def _similarities(rows: Sequence[Mapping[str, str]]) -> list[str]:
    names = dict.fromkeys(name for row in rows for name in row if name.startswith("similarity_"))
    return [name for name in names if np.isfinite(_column(rows, name)).any()]


def _column(rows: Sequence[Mapping[str, str]], name: str) -> np.ndarray:
    """A column of a history.csv as float64; what is missing or empty is NaN."""
    return np.array([float(row.get(name) or "nan") for row in rows])
