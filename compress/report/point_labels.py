"""Puts a name beside each point of a plot where it covers no other name, point or line and stays in the frame."""

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Box = tuple[float, float, float, float]  # left, bottom, right, top

GAPS = (9.0, 15.0, 24.0, 36.0, 50.0, 66.0)  # between point and name, in typographic points
DIRECTIONS = tuple(math.radians(degrees) for degrees in (90, 270, 0, 180, 45, 315, 135, 225, 65, 295, 115, 245))
POINT = 8.0  # half the side of the square that a name keeps off a point
FRAME = 3.0  # kept free inside the frame
APART = 6.0  # kept free between names side by side
LONGEST = 30  # characters
SIZE = 9  # of a name, in points


def place(axes: "Axes", names: Sequence[str], xs: Sequence[float], ys: Sequence[float]) -> None:
    """Annotates the points (xs, ys), which a line joins in this order, with their names.

    Call it last, with the limits set: it measures the texts in the layout as it is then, and freezes that layout.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    if not names:
        return
    figure = cast("Figure", axes.figure)
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    scale = 72 / figure.dpi  # pixels to points
    points = axes.transData.transform(np.column_stack([xs, ys])) * scale
    window = axes.get_window_extent(renderer)
    frame = (window.x0 * scale + FRAME, window.y0 * scale + FRAME, window.x1 * scale - FRAME, window.y1 * scale - FRAME)
    taken: list[Box] = []
    for name, x, y, point in zip(names, xs, ys, points, strict=True):
        name = name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"
        text = axes.annotate(
            name, (x, y), (0, 0), textcoords="offset points", ha="center", va="center", fontsize=SIZE, zorder=5
        )
        extent = text.get_window_extent(renderer)
        text.remove()
        size = (extent.width * scale + APART, extent.height * scale)
        offset, gap = best_offset(point, size, frame, taken, points)
        leader = {"arrowstyle": "-", "color": "0.5", "linewidth": 0.7, "shrinkB": 3} if gap > GAPS[1] else None
        axes.annotate(
            name,
            (x, y),
            offset,
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=SIZE,
            zorder=5,
            arrowprops=leader,
        )
        taken.append(_box(point, offset, size))


def best_offset(
    point: np.ndarray, extent: tuple[float, float], frame: Box, taken: Sequence[Box], points: np.ndarray
) -> tuple[tuple[float, float], float]:
    """Where a name of this (width, height) goes: the offset of its middle from ``point``, and the gap that leaves.

    ``taken`` are the names already placed, ``points`` (n, 2) all points in the order of the line. All in one unit.
    """

    def badness(choice: tuple[tuple[float, float], float]) -> float:
        offset, gap = choice
        left, bottom, right, top = box = _box(point, offset, extent)
        outside = left < frame[0] or bottom < frame[1] or right > frame[2] or top > frame[3]
        names = sum(_overlap(box, other) for other in taken)
        covered = sum(_overlap(box, (x - POINT, y - POINT, x + POINT, y + POINT)) for x, y in points)
        crossed = sum(_crosses(box, a, b) for a, b in itertools.pairwise(points))
        led_across = sum(_crosses(other, point, point + offset) for other in taken)
        return 10_000 * outside + 1_000 * names + 300 * covered + 100 * led_across + 40 * crossed + gap

    choices = [
        ((math.cos(angle) * (extent[0] / 2 + gap), math.sin(angle) * (extent[1] / 2 + gap)), gap)
        for gap in GAPS
        for angle in DIRECTIONS
    ]
    return min(choices, key=badness)  # the first of equals: nearest, above before below before the sides


def _box(point: np.ndarray, offset: tuple[float, float], extent: tuple[float, float]) -> Box:
    x, y = float(point[0]) + offset[0], float(point[1]) + offset[1]
    return x - extent[0] / 2, y - extent[1] / 2, x + extent[0] / 2, y + extent[1] / 2


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _crosses(box: Box, start: np.ndarray, end: np.ndarray) -> bool:
    steps = start + (end - start) * np.linspace(0, 1, 60)[:, None]
    inside = (steps[:, 0] > box[0]) & (steps[:, 0] < box[2]) & (steps[:, 1] > box[1]) & (steps[:, 1] < box[3])
    return bool(inside.any())
