"""A board's result as one HTML file and as JSON: what it measured, the front over size, latency and energy."""

import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.boards.result import Accuracy, BoardResult, Interpreter, Model, State, ThreadLatency, parse
from benchmarks.boards.table import BEHIND, computes_behind, titled
from compress.report.format import megabytes, three_digits, times
from compress.report.html import write_page
from compress.report.html.provenance import facts
from compress.report.html.scatter import Point, scatter
from compress.report.html.strips import strips
from compress.results import Latency, Metric

CONTENTS = (
    ("models", "Files"),
    ("front", "Front"),
    ("latency", "Latency"),
    ("state", "The board before and after"),
    ("provenance", "Where the numbers come from"),
    ("limits", "What is not shown"),
)
COLUMNS = ("threads", "mean ms", "p50", "p90", "std", "load ms", "peak MB", "mJ", "times faster than teacher")
LIMITS = (
    "Other boards and other states. The times hold for this board in the state that the table shows: another power "
    "mode, other clocks or more heat give other times, and another processor gives other ratios of two files.",
    "The energy of the network alone. Energy is all that the power rail delivered during an inference, including what "
    "the board draws at rest. Without a power sensor none is shown.",
    "Other data. Accuracy was measured on the test images in the bundle, and its interval covers only their choice.",
    "A fair comparison with other software. Compare the times of two boards only where the versions of their software "
    "and interpreter are the same.",
)


def write(content: Mapping[str, Any], where: str, folder: Path, name: str) -> list[Path]:
    """Writes ``folder``/``name``.html and .json of a result's JSON. Raises UserError, which names ``where``, for what
    is none."""
    return write_page("board", data(parse(content, where)), folder, name, {"result": content})


def data(result: BoardResult) -> dict[str, Any]:
    """All that the page shows, by part."""
    shown = [metric for metric in result.metrics if metric.in_table]
    rows = list(_rows(result, shown))
    timed = [(row["name"], row["latency"]) for row in rows if row["latency"].samples_ms]
    return {
        "title": f"{result.pipeline} on {result.board.title}",
        "subtitle": f"measured {result.started}; {result.board.software}; {result.runtime.name} "
        f"{result.runtime.version}",
        "contents": CONTENTS,
        "headline": _headline(result, shown),
        "warnings": list(result.warnings),
        "columns": ["MB", *(titled(metric) for metric in shown), *[BEHIND] * computes_behind(result), *COLUMNS],
        "rows": [{key: value for key, value in row.items() if key != "latency"} for row in rows],
        "engines": [
            [engine.file, engine.precision, f"{engine.ms.p50:.2f} ms" if engine.ms else f"failed: {engine.errors[0]}"]
            for engine in (result.tensorrt.engines if result.tensorrt else [])
        ],
        "scatters": _scatters(rows, shown),
        "strips": strips(timed, _clocks(result.before, result.after)),
        "state": _state(result.before, result.after),
        "provenance": _provenance(result),
        "limits": LIMITS,
    }


def _headline(result: BoardResult, shown: list[Metric]) -> list[dict[str, str]]:
    """The first file beside the teacher's: a title, a value and a note each."""
    model, teacher = result.models[0], result.teacher
    accuracy = model.accuracy or Accuracy()
    has_teacher = model is not teacher
    tiles = []
    if shown and (score := accuracy.metrics.get(shown[0].key)) is not None:
        note = f"{shown[0].counted(score, accuracy.images)} test images" if accuracy.images else ""
        tiles.append({"title": f"test {shown[0].title}", "value": shown[0].text(score), "note": note})
    note = f"{times(teacher.bytes, model.bytes, 'smaller', 'larger')} than {teacher.file}" if has_teacher else ""
    tiles.append({"title": f"size of {model.file}", "value": megabytes(model.bytes), "note": note})
    threads, ms = next(((entry.threads, entry.ms) for entry in model.latency if entry.ms), (0, None))
    if ms is not None:
        note = f"median with {threads} thread{'s' * (threads > 1)}, batch 1"
        if has_teacher and (slower := teacher.on_threads(threads)):
            note = f"{times(slower.p50, ms.p50, 'faster', 'slower')} than {teacher.file}; {note}"
        tiles.append({"title": "latency", "value": f"{three_digits(ms.p50)} ms", "note": note})
    return tiles


def _rows(result: BoardResult, shown: list[Metric]) -> Iterator[dict[str, Any]]:
    number, behind = 0, computes_behind(result)
    for model in result.models:
        accuracy = model.accuracy or Accuracy()
        for entry in model.latency:
            number += 1
            name = f"{model.file}, {entry.threads} thread{'s' * (entry.threads > 1)}"
            yield {
                "id": f"row-{number}",
                "number": number,
                "name": name,
                "role": model.role or "",
                "metrics": accuracy.metrics,
                "intervals": accuracy.intervals,
                "megabytes": model.bytes / 1e6,
                "p50": entry.ms.p50 if entry.ms else None,
                "energy": entry.energy.energy_mj if entry.energy else None,
                "latency": _latency(entry),
                "cells": [
                    _cell(f"{model.bytes / 1e6:.2f}", model.bytes),
                    *(_measured(metric, accuracy) for metric in shown),
                    *[_cell("" if (more := model.postprocess_ms) is None else f"{more:.2f}", more)] * behind,
                    *_times(model, entry, result.teacher),
                ],
            }


def _measured(metric: Metric, accuracy: Accuracy) -> dict[str, Any]:
    value, interval = accuracy.metrics.get(metric.key), accuracy.intervals.get(metric.key)
    note = f"{metric.number(interval[0])} to {metric.number(interval[1])}" if interval else ""
    return _cell("" if value is None else metric.text(value), value, note)


def _times(model: Model, entry: ThreadLatency, teacher: Model) -> list[dict[str, Any]]:
    cells = [_cell(str(entry.threads), entry.threads)]
    if entry.ms is None:
        return [*cells, _cell(f"failed: {entry.errors[0]}"), *(_cell("") for _ in COLUMNS[2:])]
    peaks = [each.peak_memory_mb for each in entry.repetitions if each.peak_memory_mb is not None]
    slower = teacher.on_threads(entry.threads)
    cells += [_cell(f"{value:.2f}", value) for value in (entry.ms.mean, entry.ms.p50, entry.ms.p90, entry.ms.std)]
    load = statistics.median(each.load_ms for each in entry.repetitions) if entry.repetitions else None
    ratio = slower.p50 / entry.ms.p50 if slower and model is not teacher else None
    return [
        *cells,
        _cell("" if load is None else f"{load:.1f}", load),
        _cell(f"{max(peaks):.0f}" if peaks else "", max(peaks, default=None)),
        _cell(
            f"{entry.energy.energy_mj:.1f}" if entry.energy else "", entry.energy.energy_mj if entry.energy else None
        ),
        _cell("" if ratio is None else f"{ratio:.2f}x", ratio),
    ]


def _cell(text: str, value: float | None = None, note: str = "") -> dict[str, Any]:
    return {"text": text, "value": value, "note": note}


def _latency(entry: ThreadLatency) -> Latency:
    samples = [sample for each in entry.repetitions for sample in each.samples_ms]
    ms = entry.ms
    return Latency(ms.mean, ms.p50, ms.p90, samples) if ms and samples else Latency(0.0, 0.0, 0.0)


def _scatters(rows: list[dict[str, Any]], shown: list[Metric]) -> list[dict[str, Any]]:
    """The first metric over size, latency and energy: of each only the files that have it."""
    if not shown:
        return []
    metric = shown[0]
    quantities = (("megabytes", "size", "MB"), ("p50", "latency", "ms, median"), ("energy", "energy", "mJ"))
    drawings = []
    for column, quantity, unit in quantities:
        points = [
            Point(row["name"], row["id"], row[column], value, row["intervals"].get(metric.key), row["number"])
            for row in rows
            if row[column] and (value := row["metrics"].get(metric.key)) is not None
        ]
        drawings.append(scatter(points, metric, quantity, unit, True))
    return [drawing for drawing in drawings if drawing is not None]


def _clocks(before: State, after: State) -> str:
    """What the board said of its clocks, in a sentence."""
    first, last = _told(before.clocks_mhz), _told(after.clocks_mhz)
    if not first and not last:
        return "The board did not report its clocks."
    if first == last:
        return f"The clocks of the processor's cores were the same before and after all runs, in MHz: {first}."
    told = f"before all runs: {first or 'unknown'}; after: {last or 'unknown'}"
    return f"The clocks of the processor's cores, in MHz, {told}."


def _provenance(result: BoardResult) -> dict[str, list[list[str]]]:
    """Facts by group, each a list of [name, value] as text."""
    board, bundle = result.board, result.bundle
    images = {model.accuracy.images for model in result.models if model.accuracy and model.accuracy.images}
    testset = bundle.testset if bundle else {}
    return {
        "board": facts(
            {
                "board": board.title,
                "processor": board.cpu or board.machine,
                "software": board.software,
                "interpreter": _version(result.runtime),
                "NumPy": result.numpy,
                "jetslim's runner": result.runner,
                "measured from": result.started,
                "to": result.finished,
            }
        ),
        "settings": facts({name: _told(value) for name, value in result.settings.items()}),
        "bundle": facts(
            {
                "pipeline": result.pipeline,
                "made": bundle.made if bundle else "",
                "data": testset.get("data"),
                "test images": ", ".join(map(str, sorted(images))),
                "of so many in the test split": testset.get("of"),
                "outputs compared with": _version(result.compared_with),
                "manifest": f"sha256 {bundle.sha256}" if bundle and bundle.sha256 else "",
            }
        ),
        "files": [[model.file, f"sha256 {model.sha256}"] for model in result.models if model.sha256],
    }


def _version(package: Interpreter | None) -> str:
    return f"{package.name} {package.version}" if package else ""


def _state(before: State, after: State) -> list[list[str]]:
    """[what, before, after] of all that the board told."""
    return [
        [name.replace("_", " "), _told(one), _told(other)]
        for name, one, other in ((name, getattr(before, name), getattr(after, name)) for name in vars(before))
        if one is not None or other is not None
    ]


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_told(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_told, value))
    return "" if value is None else str(value)
