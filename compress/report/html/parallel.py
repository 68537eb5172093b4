"""Parallel coordinates: every point a line through its values, an axis each (Inselberg, 1985)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from compress.report.html.scale import scale_of

WIDTH, HEIGHT, SIDE, TOP, BOTTOM = 900, 340, 70, 46, 320
MOST_TICKS, NEAR = 6, 14  # so few values, if no two are nearer than that, are the ticks themselves


@dataclass(frozen=True)
class Axis:
    """A column of the rows, its title, and the factor of the unit in that."""

    key: str
    title: str
    factor: float = 1.0


def parallel(rows: Sequence[Mapping[str, Any]], axes: Sequence[Axis]) -> dict[str, Any] | None:
    """A drawing as data. ``rows`` have the axes' values, and "id", "beaten" and "title"; one without a value has no
    line. Numbers stand where they belong, anything else evenly in its order. None for no line or a single axis."""
    whole = [row for row in rows if all(row.get(axis.key) is not None for axis in axes)]
    if not whole or len(axes) < 2:
        return None
    step = (WIDTH - 2 * SIDE) / (len(axes) - 1)
    drawn = [_axis(axis, whole, round(SIDE + number * step, 1)) for number, axis in enumerate(axes)]
    lines = [
        {
            "row": row["id"],
            "beaten": row["beaten"],
            "title": row["title"],
            "path": "M" + "L".join(f"{axis['x']} {axis['at'][str(row[axis['key']])]}" for axis in drawn),
        }
        for row in sorted(whole, key=lambda row: not row["beaten"])  # the front on top
    ]
    shown = [{name: axis[name] for name in ("x", "name", "ticks")} for axis in drawn]
    return {"width": WIDTH, "height": HEIGHT, "top": TOP, "bottom": BOTTOM, "axes": shown, "lines": lines}


def _axis(axis: Axis, rows: Sequence[Mapping[str, Any]], x: float) -> dict[str, Any]:
    """Where it stands, its ticks, and the place of every value by its text."""
    values = list({str(row[axis.key]): row[axis.key] for row in rows}.values())
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        scale = scale_of([axis.factor * value for value in values], BOTTOM, TOP, may_be_log=True, room=0.0)
        places = {str(value): scale(axis.factor * value) for value in values}
        own = [{"at": place, "text": f"{axis.factor * float(value):.10g}"} for value, place in places.items()]
        heights = sorted(places.values())
        apart = all(high - low >= NEAR for low, high in pairwise(heights))
        ticks = own if apart and len(own) <= MOST_TICKS else scale.ticks
    else:
        names = sorted(map(str, values))
        gap = (BOTTOM - TOP) / max(1, len(names) - 1)
        places = {name: round(BOTTOM - number * gap, 1) for number, name in enumerate(names)}
        ticks = [{"at": place, "text": name} for name, place in places.items()]
    return {"x": x, "key": axis.key, "name": axis.title, "ticks": ticks, "at": places}
