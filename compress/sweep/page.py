"""sweep.html and sweep.json: every point, the front over all of them, and settings and results as lines."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compress.report.html import write_page
from compress.report.html.front import dominated
from compress.report.html.interval import wilson
from compress.report.html.parallel import Axis, parallel
from compress.report.html.provenance import changed, provenance
from compress.report.html.scatter import Point, scatter
from compress.report.html.stages import TITLES
from compress.report.table import cell, latency_note
from compress.results import Changed, Metric, Run
from compress.sweep import table
from compress.sweep.grid import SEED

LATENCY = "latency_ms_p50"
MEGABYTES = "megabytes"  # a column of this page: the smaller of the dense and the sparse file
SIDES = {"state": "", "cause": "wide"}  # of columns that are no numbers
CONTENTS = (
    ("front", "Front"),
    ("lines", "All points as lines"),
    ("points", "All points"),
    ("settings", "Settings"),
    ("provenance", "Where the numbers come from"),
    ("limits", "What is not shown"),
)
LIMITS = (
    "How good the best point is on other images. It was chosen on the test images, so its interval is too narrow. "
    "Points that differ by less than their intervals cannot be told apart.",
    "Latency on a board. Latencies were measured on this host, one point after another, while no point was trained.",
    "Energy. Only the sensors of a board measure it.",
    "Layers, their noise, and the worst images of a point: jetslim run with the same settings shows them. Settings and "
    "all measured latencies of a point are in report.html in its folder.",
)

ONE_SEED = "Other seeds. All points have one seed. A sweep over seed=0,1,2 shows how far chance moves the results."


def write(
    rows: Sequence[Mapping[str, Any]], fields: Sequence[str], runs: Sequence[Run], title: str, folder: Path
) -> list[Path]:
    """Writes the two files into ``folder``; ``rows`` as ``table.rows`` makes them, ``runs`` the results there are."""
    return write_page("sweep", data(rows, fields, runs, title), folder, "sweep", {"rows": list(rows)})


def data(rows: Sequence[Mapping[str, Any]], fields: Sequence[str], runs: Sequence[Run], title: str) -> dict[str, Any]:
    """All that the page shows, by part."""
    metrics = table.metrics_of(runs)
    first = runs[0].first_metric if runs else None
    count = runs[0].data.test if runs else None
    shown = [_with_size(row) for row in rows]
    done = [row for row in shown if first is not None and row.get(first.key) is not None]
    beaten = dict(zip((row["point"] for row in done), _beaten(done, first), strict=True)) if first else {}
    for row in shown:
        row |= {"id": f"point-{row['point']}", "beaten": beaten.get(row["point"], True)}
        row["title"] = _told(row, fields)
    names = table.columns(rows, fields)
    failed = sum(row["state"] == "failed" for row in rows)
    return {
        "title": f"{title}, a sweep over {' x '.join(fields)}",
        "subtitle": f"{len(rows)} points, {failed} of them failed; {sum(not worse for worse in beaten.values())} on "
        "the front: no other point is at least as good in accuracy, size and latency and better in one",
        "contents": CONTENTS,
        "interval": _interval(done, first, count),
        "scatters": _scatters(done, first, count),
        "parallel": parallel(done, _axes(done, fields, first)),
        "columns": [(_title(name, metrics), SIDES.get(name, "" if name in fields else "n")) for name in names],
        "rows": [
            {
                "id": row["id"],
                "beaten": row["beaten"],
                "cells": [{"text": _cell(name, row[name], metrics), "value": _value(row[name])} for name in names],
            }
            for row in shown
        ],
        "latency_note": latency_note(runs[0]) if runs else "",
        "changed": changed(_common(runs, fields)),
        "provenance": _provenance(runs[0], fields) if runs else None,
        "limits": LIMITS if SEED in fields else (*LIMITS, ONE_SEED),
    }


def _common(runs: Sequence[Run], fields: Sequence[str]) -> list[Changed]:
    """The settings that differ from the defaults in all points alike; the swept ones are in the table of points."""

    def is_swept(setting: Changed) -> bool:
        name = f"{setting.table}.{setting.key}"
        return any(name == field or name.startswith(f"{field}.") for field in fields)

    first = runs[0].changed if runs else []
    return [each for each in first if not is_swept(each) and all(each in run.changed for run in runs)]


def _provenance(run: Run, fields: Sequence[str]) -> dict[str, Any]:
    """That of one point, without what differs from point to point."""
    told = provenance(run)
    own = {"settings", "finished", *([SEED] if SEED in fields else [])}
    return {**told, "run": [fact for fact in told["run"] if fact[0] not in own]}


def _with_size(row: Mapping[str, Any]) -> dict[str, Any]:
    sizes = [size for size in (row.get("tflite_bytes"), row.get("sparse_tflite_bytes")) if size]
    return {**row, MEGABYTES: min(sizes) / 1e6 if sizes else None}


def _beaten(rows: Sequence[Mapping[str, Any]], metric: Metric) -> list[bool]:
    """Whether another point is at least as good in the metric, size and latency, and better in one of them."""
    sign = 1 if metric.better == "lower" else -1
    unknown = float("inf")
    return dominated(
        [
            (sign * row[metric.key], *(unknown if row[name] is None else row[name] for name in (MEGABYTES, LATENCY)))
            for row in rows
        ]
    )


def _scatters(rows: Sequence[Mapping[str, Any]], metric: Metric | None, count: int | None) -> list[dict[str, Any]]:
    if metric is None:
        return []
    drawings = []
    quantities = ((MEGABYTES, "size", "MB, the smaller of dense and sparse .tflite"), (LATENCY, "latency", "ms, host"))
    for column, quantity, unit in quantities:
        points = [
            Point(row["title"], row["id"], row[column], row[metric.key], _of_share(row[metric.key], metric, count))
            for row in rows
            if row[column]
        ]
        drawings.append(scatter(points, metric, quantity, unit, False))
    return [drawing for drawing in drawings if drawing is not None]


def _of_share(value: float, metric: Metric, count: int | None) -> tuple[float, float] | None:
    return wilson(value, count) if metric.is_share and count else None


def _interval(rows: Sequence[Mapping[str, Any]], metric: Metric | None, count: int | None) -> str:
    """How far the best point's share is to be believed; "" for other metrics."""
    if metric is None or not metric.is_share or not count or not rows:
        return ""
    best = max(row[metric.key] for row in rows)
    low, high = wilson(best, count)
    return (
        f"With {count:,} test images, the 95 % interval of the best point's {metric.title}, {metric.text(best)}, is "
        f"{metric.number(low)} to {metric.text(high)}."
    )


def _axes(rows: Sequence[Mapping[str, Any]], fields: Sequence[str], metric: Metric | None) -> list[Axis]:
    """The fields that differ, then what came of them."""
    if metric is None:
        return []
    varied = [field for field in fields if len({str(row[field]) for row in rows}) > 1]
    results = [Axis(metric.key, f"test {metric.axis}", metric.factor), Axis(MEGABYTES, "size (MB)")]
    if all(row[LATENCY] for row in rows):
        results.append(Axis(LATENCY, "latency (ms)"))
    return [*(Axis(field, field) for field in varied), *results]


def _told(row: Mapping[str, Any], fields: Sequence[str]) -> str:
    settings = ", ".join(f"{field} = {row[field]}" for field in fields)
    return f"point {row['point']} ({settings})"


def _title(name: str, metrics: Mapping[str, Metric]) -> str:
    return metrics[name].title if name in metrics else TITLES.get(name, name)


def _cell(name: str, value: Any, metrics: Mapping[str, Metric]) -> str:
    if name in metrics or name in table.TECHNICAL:
        return cell(name, value, dict(metrics))
    if name == "seconds" and value is not None:
        return f"{value:.1f}"
    return "" if value is None else str(value)


def _value(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
