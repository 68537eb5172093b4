"""sweep.html and sweep.json: every point, the front over all of them, and settings and results as lines."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compress.report.html import write_page
from compress.report.html.front import dominated
from compress.report.html.interval import wilson
from compress.report.html.parallel import Axis, parallel
from compress.report.html.provenance import provenance
from compress.report.html.scatter import Point, scatter
from compress.report.table import cell, latency_note
from compress.results import Metric, Run
from compress.sweep import table

TITLES = {"sparse_tflite_bytes": "sparse .tflite", "tflite_bytes": ".tflite", "latency_ms_p50": "latency, median (ms)"}
LATENCY = "latency_ms_p50"
MEGABYTES = "megabytes"  # a column of this page: the smaller of the dense and the sparse file
SIDES = {"state": "", "cause": "wide"}  # of columns that are no numbers
CONTENTS = (
    ("front", "Front"),
    ("lines", "All points as lines"),
    ("points", "All points"),
    ("provenance", "Where the numbers come from"),
    ("limits", "What is not shown"),
)
LIMITS = (
    "The best of many points was chosen on the same test images: its own interval does not say so, and is too narrow. "
    "Points that differ by less than their intervals are not told apart.",
    "Points of one seed: a sweep over seeds shows how far chance alone takes them apart.",
    "Latency is of this host, measured one after another while nothing else of jetslim ran; not of a board.",
    "No energy: only a board's sensors tell it.",
    "Each point's own page, report.html in its folder, has its settings and its samples of latency; its layers, their "
    "noise and its worst images are in the page of jetslim run with the same settings alone.",
)


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
        "subtitle": f"{len(rows)} points, {failed} of them failed; {sum(not worse for worse in beaten.values())} are "
        "beaten by no other in accuracy, size and latency",
        "contents": CONTENTS,
        "interval": _interval(done, first, count),
        "scatters": _scatters(done, first, count),
        "parallel": parallel(done, _axes(done, fields, first)),
        "columns": [(TITLES.get(name, name), SIDES.get(name, "" if name in fields else "n")) for name in names],
        "rows": [
            {
                "id": row["id"],
                "beaten": row["beaten"],
                "cells": [{"text": _cell(name, row[name], metrics), "value": _value(row[name])} for name in names],
            }
            for row in shown
        ],
        "latency_note": latency_note(runs[0]) if runs else "",
        "provenance": provenance(runs[0]) if runs else None,
        "limits": LIMITS,
    }


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
        f"Of {count:,} test images: the best point's {metric.title}, {metric.text(best)}, lies between "
        f"{metric.number(low)} and {metric.text(high)} (95 %)."
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


def _cell(name: str, value: Any, metrics: Mapping[str, Metric]) -> str:
    if name in metrics or name in table.TECHNICAL:
        return cell(name, value, dict(metrics))
    if name == "seconds" and value is not None:
        return f"{value:.1f}"
    return "" if value is None else str(value)


def _value(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
