"""The table of stages: each with its differences from the first one, which is usually the teacher."""

from typing import Any

from compress.report import table
from compress.report.format import three_digits
from compress.report.goals import points
from compress.report.html.interval import wilson
from compress.results import Run

TITLES = {
    "params": "parameters",
    "kernel_sparsity": "zeros in kernels",
    "tflite_bytes": ".tflite",
    "sparse_tflite_bytes": "sparse .tflite",
    "gzip_bytes": "gzip",
    "latency_ms_p50": "latency, median (ms)",
    "latency_ms_p90": "90 % within (ms)",
    "seconds_total": "seconds to make",
}
SMALLER = ("params", "tflite_bytes", "sparse_tflite_bytes", "gzip_bytes", "latency_ms_p50", "latency_ms_p90")


def stage_table(run: Run) -> dict[str, Any]:
    """{"columns": [title, ...], "rows": [{"id", "name", "kind", "reads", "precision", "cells": [...]}, ...]}.

    A cell is {"text", "value" (raw, for sorting; None), "apart" (from the first stage), "interval" (of 95 %), "sign"
    (1: better than the first stage, -1: worse, 0)}.
    """
    metrics = [*run.table_metrics, *([run.float_closeness] if _quantizes(run) else [])]
    names = [*(metric.key for metric in metrics), *TITLES]
    rows = [row for row in table.rows(run) if row["kind"] != "ratio"]
    shown = table.shown(run)
    columns = [*(metric.axis for metric in metrics), *TITLES.values()]
    cells = [[_cell(run, name, row, rows[0], shown) for name in names] for row in rows]
    return {
        "columns": columns,
        "rows": [
            {
                "id": f"stage-{number}",
                "name": stage.name,
                "kind": stage.kind,
                "reads": ", ".join(stage.reads or []),
                "precision": stage.precision,
                "cached": stage.cached,
                "sha256": stage.sha256,
                "cells": own,
            }
            for number, (stage, own) in enumerate(zip(run.stages, cells, strict=True), start=1)
        ],
    }


def _quantizes(run: Run) -> bool:
    return any(stage.closeness_to_float is not None for stage in run.stages)


def _cell(run: Run, name: str, row: dict[str, Any], first: dict[str, Any], shown: dict[str, Any]) -> dict[str, Any]:
    value = row[name]
    apart, interval, sign = "", "", 0
    metric = shown.get(name)
    if value is not None and metric is not None and name in {each.key for each in run.table_metrics}:
        if row is not first and first[name] is not None and value != first[name]:
            apart = points(metric, value - first[name])
            better = {"higher": 1, "lower": -1}.get(metric.better, 0)
            sign = better if value > first[name] else -better
        if metric.is_share and run.data.test:
            low, high = wilson(value, run.data.test)
            interval = f"{metric.number(low)} to {metric.number(high)}"
    elif value and name in SMALLER and row is not first and first[name]:
        ratio = first[name] / value
        apart = f"{three_digits(ratio)}x"
        sign = 1 if ratio > 1 else -1 if ratio < 1 else 0
    return {"text": table.cell(name, value, shown), "value": value, "apart": apart, "interval": interval, "sign": sign}
