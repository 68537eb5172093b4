"""The plots of a sweep: each metric over one field as a curve, over two as a heat map; over seeds the mean."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compress.artifacts import files
from compress.report.format import three_digits
from compress.report.plots import percent_limits
from compress.report.style import BLUE, DPI, VERMILION, png
from compress.results import Metric
from compress.sweep.grid import SEED

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Shown:
    """How a metric is drawn: what its axis says, the factor of its unit, and decimals (None: 3 digits)."""

    label: str
    times: float = 1.0
    decimals: int | None = None

    def text(self, value: float) -> str:
        return three_digits(value) if self.decimals is None else f"{value:.{self.decimals}f}"

    def telling_apart(self, values: np.ndarray) -> "Shown":
        """With as many decimals more as show two digits of how far ``values`` lie apart; none for less than noise."""
        finite = values[np.isfinite(values)]
        apart = float(np.ptp(finite)) if finite.size else 0.0
        if not apart:
            return self
        own = len(self.text(float(np.abs(finite).max())).partition(".")[2])
        needed = 1 - math.floor(math.log10(apart))
        return replace(self, decimals=needed) if own < needed <= own + 3 else self


TECHNICAL = {
    "params": Shown("parameters (millions)", 1e-6),
    "kernel_sparsity": Shown("kernel sparsity (fraction of zeros)", 1, 3),
    "tflite_bytes": Shown(".tflite (MB)", 1e-6),
    "sparse_tflite_bytes": Shown("sparse .tflite (MB)", 1e-6),
    "gzip_bytes": Shown("gzip (MB)", 1e-6),
    "latency_ms_p50": Shown("latency (ms), median, batch 1, one thread, host"),
}


def shown(metrics: Mapping[str, Metric]) -> dict[str, Shown]:
    """Column -> how it is drawn: those of the task, by its descriptors, and the technical ones."""
    own = {key: Shown(f"test {metric.axis}", metric.factor, metric.decimals) for key, metric in metrics.items()}
    return {**own, **TECHNICAL}


MANY_TIMES = 20  # between the smallest and the largest value of a field: from there on its axis is logarithmic
CROWDED = 1 / 18  # of an axis: values that lie nearer to each other are not written there one by one


def write(
    rows: Sequence[Mapping[str, Any]], fields: Sequence[str], title: str, folder: Path, metrics: Mapping[str, Metric]
) -> list[Path]:
    """Writes a PNG for each metric that a row has, named after it; one left from before that has nothing now goes.

    ``rows``: as ``table.rows`` makes them; ``metrics`` say how those of the task are shown. None for
    three fields and more, seeds apart.
    """
    written = []
    for metric, how in shown(metrics).items():
        path, figure = folder / f"{metric}.png", draw(rows, fields, metric, title, how)
        if figure is None:
            path.unlink(missing_ok=True)
        else:
            written.append(files.replace(path, png(figure, colours=256)))
    return written


def draw(
    rows: Sequence[Mapping[str, Any]], fields: Sequence[str], metric: str, title: str, how: Shown
) -> "Figure | None":
    """The plot of a metric; None if there is no value, or no plot for so many fields."""
    over = [field for field in fields if field != SEED] or list(fields)
    if len(over) > 2 or not any(row.get(metric) is not None for row in rows):
        return None
    scales = [_Scale.of(field, rows) for field in over]
    cells = _cells(rows, scales, metric, how)
    seeds = len({row[SEED] for row in rows}) if SEED in fields and SEED not in over else 1
    if len(over) == 1:
        return _curve(cells, scales[0], how, title, seeds)
    return _heat_map(cells, scales, how, title, seeds)


@dataclass(frozen=True)
class _Scale:
    """The values of a field in the order of its axis, and where they stand on it."""

    field: str
    values: tuple[Any, ...]
    numeric: bool

    @classmethod
    def of(cls, field: str, rows: Sequence[Mapping[str, Any]]) -> "_Scale":
        values = list({str(row[field]): row[field] for row in rows}.values())
        numeric = all(isinstance(value, int | float) for value in values)
        return cls(field, tuple(sorted(values) if numeric else values), numeric and field != SEED)

    @property
    def texts(self) -> list[str]:
        return [str(value) for value in self.values]

    @property
    def places(self) -> np.ndarray:
        return np.array(self.values, float) if self.numeric else np.arange(len(self.values), dtype=float)

    @property
    def crowded(self) -> bool:
        places = np.log(self.places) if self.logarithmic else self.places
        return self.numeric and len(places) > 1 and bool(np.diff(places).min() < CROWDED * np.ptp(places))

    @property
    def logarithmic(self) -> bool:
        return self.numeric and min(self.values) > 0 and max(self.values) >= MANY_TIMES * min(self.values)


def _cells(
    rows: Sequence[Mapping[str, Any]], scales: Sequence[_Scale], metric: str, how: Shown
) -> dict[tuple[int, ...], list[float]]:
    """Place on each scale -> the metric's values there, one a seed, as they are shown; none for a failed point."""
    cells: dict[tuple[int, ...], list[float]] = {}
    for row in rows:
        place = tuple(scale.texts.index(str(row[scale.field])) for scale in scales)
        values = cells.setdefault(place, [])
        if row[metric] is not None:
            values.append(how.times * row[metric])
    return cells


def _curve(
    cells: Mapping[tuple[int, ...], Sequence[float]], scale: _Scale, shown: Shown, title: str, seeds: int
) -> "Figure":
    from matplotlib.ticker import NullLocator

    figure = _figure(6.4, 4.2, title)
    axes = figure.subplots()
    xs = scale.places
    values = [cells.get((place,), []) for place in range(len(xs))]
    everything = [value for some in values for value in some]
    axes.update_datalim([(x, everything[0]) for x in xs])  # failed points stand on the axis, too
    if scale.field == SEED:  # no quantity: what counts is how far the points lie apart
        mean, spread = np.mean(everything), _spread(everything)
        axes.axhline(float(mean), color=BLUE, linewidth=1.6)
        axes.axhspan(float(mean - spread), float(mean + spread), color=BLUE, alpha=0.15, linewidth=0)
        axes.set_title(f"line: mean {shown.text(float(mean))}; band: standard deviation {spread:.2g}", fontsize=9)
    else:
        means = np.array([np.mean(some) if some else np.nan for some in values])
        axes.plot(xs, means, color=BLUE, linewidth=1.6, linestyle="-" if scale.numeric else ":")
        if seeds > 1:
            spreads = np.array([_spread(some) for some in values])
            axes.errorbar(xs, means, spreads, color=BLUE, linestyle="none", capsize=4, linewidth=1.4)
            bar_ends = np.concatenate([means - spreads, means + spreads])
            everything += [float(end) for end in bar_ends if np.isfinite(end)]  # the axis leaves room for the bars
            axes.set_title(f"line: mean of {seeds} seeds; bars: standard deviation; rings: points", fontsize=9)
    for x, some in zip(xs, values, strict=True):
        axes.plot(
            [x] * len(some),
            some,
            linestyle="none",
            marker="o",
            markersize=6,
            markerfacecolor="white",
            color=BLUE,
            zorder=4,
        )
        if not some:
            axes.annotate(
                "failed", (x, 0.02), xycoords=axes.get_xaxis_transform(), color=VERMILION, ha="center", fontsize=9
            )
    if scale.logarithmic:
        axes.set_xscale("log")
    if not scale.crowded:
        axes.set_xticks(xs, scale.texts, rotation=_tilt(scale), ha="right" if _tilt(scale) else "center")
        axes.xaxis.set_minor_locator(NullLocator())
    axes.margins(x=0.08, y=0.18)
    axes.ticklabel_format(axis="y", useOffset=False, style="plain")
    if "%" in shown.label:
        axes.set_ylim(*percent_limits(everything))
    axes.set_xlabel(scale.field)
    axes.set_ylabel(shown.label)
    axes.grid(color="0.92")
    axes.set_axisbelow(True)
    return figure


def _heat_map(
    cells: Mapping[tuple[int, ...], Sequence[float]], scales: Sequence[_Scale], shown: Shown, title: str, seeds: int
) -> "Figure":
    from matplotlib.ticker import ScalarFormatter

    down, across = scales
    means = np.full((len(down.values), len(across.values)), np.nan)
    for place, some in cells.items():
        means[place] = np.mean(some) if some else np.nan
    shown = shown.telling_apart(means)
    figure = _figure(2.6 + 0.95 * means.shape[1], 1.9 + 0.55 * means.shape[0], title)
    axes = figure.subplots()
    axes.set_facecolor("0.9")
    image = axes.imshow(means, cmap="viridis", origin="lower" if down.numeric else "upper", aspect="auto")
    figure.colorbar(image, label=shown.label, format=ScalarFormatter(useOffset=False))
    middle = 0.45 * np.nanmin(means) + 0.55 * np.nanmax(means)
    for place, some in cells.items():
        text = "failed"
        if some:
            text = shown.text(float(means[place]))
            text += f"\n± {shown.text(_spread(some))}" if seeds > 1 else ""
        light = not some or means[place] > middle  # viridis ends in yellow
        axes.text(place[1], place[0], text, ha="center", va="center", fontsize=9, color="black" if light else "white")
    tilt = _tilt(across)
    axes.set_xticks(range(len(across.values)), across.texts, rotation=tilt, ha="right" if tilt else "center")
    axes.set_yticks(range(len(down.values)), down.texts)
    axes.set(xlabel=across.field, ylabel=down.field)
    if seeds > 1:
        axes.set_title(f"mean and standard deviation of {seeds} seeds", fontsize=9)
    return figure


def _figure(width: float, height: float, title: str) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white", layout="constrained")
    figure.suptitle(title, fontsize=11)
    return figure


def _spread(values: Sequence[float]) -> float:
    """The standard deviation of the seeds that these are a sample of; 0 for a single one."""
    return round(float(np.std(values, ddof=1)), 9) if len(values) > 1 else 0.0  # equal ones have none


def _tilt(scale: _Scale) -> int:
    return 30 if sum(map(len, scale.texts)) > 60 or max(map(len, scale.texts)) > 12 else 0
