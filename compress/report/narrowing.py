"""What narrowing removed: a table, and the channels of each layer before and after."""

from typing import TYPE_CHECKING

from compress.report.format import markdown_table, three_digits
from compress.report.style import BLUE, figure_of
from compress.results import Change, Narrowing, Run, StageResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_NAMES = 30


def markdown(run: Run) -> str:
    """Of each narrow stage: what is left of channels, parameters, MACs and milliseconds, and what could not go."""
    parts = [_of_stage(stage.name, stage.narrowing) for stage in run.stages if stage.narrowing is not None]
    return "## Channels removed\n\n" + "\n\n".join(parts) if parts else ""


def _of_stage(name: str, narrowing: Narrowing) -> str:
    channels = Change(*(float(sum(widths[place] for widths in narrowing.channels.values())) for place in (0, 1)))
    lines = [
        _line("channels of all layers", channels, 0),
        _line("parameters", narrowing.parameters, 0),
        _line("multiply-accumulates (MACs) for one example", narrowing.macs, 0),
    ]
    if narrowing.predicted_ms:
        lines.append(_line("latency of the int8 file (ms), sum of its operators", narrowing.predicted_ms, 3))
    if narrowing.measured_ms:
        lines.append(_line("latency of the int8 file (ms), whole file, measured in turns", narrowing.measured_ms, 3))
    asked = f"`{name}` was to leave at most {narrowing.asked:.0%} of the {narrowing.target}"
    where = narrowing.device.get("cpu") or narrowing.device.get("model")
    text = f"{asked}{f', measured on {where}, batch 1, one thread' if where else ''}.\n\n"
    text += markdown_table(("", "before", "after", "left"), lines)
    pinned = "; ".join(f"{count:,} ({reason})" for reason, count in narrowing.pinned.items())
    return f"{text}\nChannels that cannot be removed: {pinned or 'none'}."


def _line(name: str, change: Change, decimals: int) -> list[str]:
    values = [f"{value:,.{decimals}f}" for value in (change.before, change.after)]
    return [name, *values, f"{change.after / change.before:.1%}" if change.before else ""]


def channels(run: Run) -> "Figure | None":
    """The channels that each layer makes, before and after, a panel a narrow stage; None without one."""
    stages = [stage for stage in run.stages if stage.narrowing is not None]
    if not stages:
        return None
    figure = figure_of(11, 4.4 * len(stages), run)
    for axes, stage in zip(figure.subplots(len(stages), 1, squeeze=False).ravel(), stages, strict=True):
        _bars(axes, stage)
    return figure


def _bars(axes: "Axes", stage: StageResult) -> None:
    widths = stage.narrowing.channels if stage.narrowing is not None else {}
    places = range(len(widths))
    before, after = ([each[place] for each in widths.values()] for place in (0, 1))
    axes.bar(places, before, width=1.0, color="0.85", label="before")
    axes.bar(places, after, width=1.0 if len(widths) > MOST_NAMES else 0.7, color=BLUE, label="after")
    axes.set_ylabel("channels that the layer makes")
    axes.set_xlim(-0.6, len(widths) - 0.4)
    if len(widths) > MOST_NAMES:
        axes.set_xlabel("convolutions and dense layers, in order of computation")
    else:
        axes.set_xticks(list(places), list(widths), rotation=60, ha="right", fontsize=7)
    left = sum(after) / max(sum(before), 1)
    axes.set_title(f"{stage.name}: {three_digits(100 * left)} % of {sum(before):,} channels are left", fontsize=10)
    axes.grid(axis="y", color="0.92")
    axes.set_axisbelow(True)
    axes.legend(frameon=False, fontsize=9)
