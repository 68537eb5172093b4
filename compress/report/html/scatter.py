"""What a task measures over size, latency or energy: points with intervals, those that another beats in grey."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from compress.report.html.front import dominated
from compress.report.html.scale import scale_of
from compress.results import Metric

WIDTH, HEIGHT = 440, 300
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 14, 42  # around the frame
NEAR = 13  # points nearer than that are one mark


@dataclass(frozen=True)
class Point:
    """``x``: megabytes, milliseconds or the like; ``y``: the metric, raw; ``interval`` its 95 % interval, raw."""

    name: str
    row: str
    """The id of its row in the table below."""
    x: float
    y: float
    interval: tuple[float, float] | None = None
    number: int = 0
    """What its mark says, where marks are numbered."""


def scatter(points: Sequence[Point], metric: Metric, quantity: str, unit: str, numbered: bool) -> dict[str, Any] | None:
    """A drawing as data: the axes, their ticks, and a mark a point. None for no points.

    ``quantity`` is what the axis is called, its ``unit`` apart. ``numbered`` marks carry the points' numbers, and one
    mark stands for all that lie on each other.
    """
    if not points:
        return None
    sign = -1 if metric.better == "lower" else 1
    beaten = dominated([(point.x, -sign * point.y) for point in points])
    ends = [end for point in points for end in (point.interval or (point.y, point.y))]
    across = scale_of([point.x for point in points], LEFT, WIDTH - RIGHT, may_be_log=True)
    up = scale_of([metric.factor * end for end in ends], HEIGHT - BOTTOM, TOP)
    marks: list[dict[str, Any]] = []
    order = sorted(range(len(points)), key=lambda number: not beaten[number])  # the front is drawn last, on top
    for number in order:
        point = points[number]
        x, y = across(point.x), up(metric.factor * point.y)
        interval = point.interval
        title = f"{point.name}: {metric.title} {metric.text(point.y)}"
        if interval:
            title += f" (95 %: {metric.number(interval[0])} to {metric.text(interval[1])})"
        title += f"; {quantity} {point.x:.4g} {unit}"
        near = next((mark for mark in marks if abs(mark["x"] - x) < NEAR and abs(mark["y"] - y) < NEAR), None)
        if numbered and near is not None:
            near["numbers"] = sorted([*near["numbers"], point.number])
            near["rows"].append(point.row)
            near["titles"].append(title)
            near["beaten"] = near["beaten"] and beaten[number]
            continue
        bar = None if interval is None else [up(metric.factor * end) for end in interval]
        marks.append(
            {"x": x, "y": y, "bar": bar, "beaten": beaten[number]}
            | {"rows": [point.row], "numbers": [point.number], "titles": [title]}
        )
    best = sorted((point.x, point.y) for point, worse in zip(points, beaten, strict=True) if not worse)
    front = [{"x": across(x), "y": up(metric.factor * y)} for x, y in best]
    return {
        "quantity": f"{quantity} ({unit})",
        "metric": metric.axis,
        "width": WIDTH,
        "height": HEIGHT,
        "frame": {"left": LEFT, "right": WIDTH - RIGHT, "top": TOP, "bottom": HEIGHT - BOTTOM},
        "across": across.ticks,
        "up": up.ticks,
        "marks": marks,
        "front": front,
        "numbered": numbered,
    }
