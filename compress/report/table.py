"""The table of a run: a row a stage, and how many times smaller and faster the last is than the first."""

from typing import Any

from compress.report.format import markdown_table, megabytes, three_digits
from compress.results import Metric, Run, StageResult

TECHNICAL = (
    "params",
    "kernel_sparsity",
    "tflite_bytes",
    "sparse_tflite_bytes",
    "gzip_bytes",
    "latency_ms_mean",
    "latency_ms_p50",
    "latency_ms_p90",
    "seconds_training",
    "seconds_total",
)
"""Behind the stage, its kind, the task's metrics and the closeness to the float network. kernel_sparsity is a fraction,
the sizes are bytes, the latencies milliseconds, the seconds wall time."""

WITHOUT_RATIO = ("kernel_sparsity", "seconds_training", "seconds_total")


def rows(run: Run) -> list[dict[str, Any]]:
    """One row a stage, keyed by the columns; what was not measured is None.

    With two stages or more, a last row of the kind "ratio" holds first / last, rounded to 4 decimals; it is None
    where a quotient means nothing: kernel_sparsity, the closeness, the seconds, and what was not measured or is 0.
    """
    stages = [_row(stage, run) for stage in run.stages]
    return [*stages, _ratio(stages[0], stages[-1], run)] if len(stages) > 1 else stages


def columns(run: Run) -> list[str]:
    """The columns that a table of this run has: a run that quantizes nothing has none for its closeness."""
    quantizes = any(stage.closeness_to_float is not None for stage in run.stages)
    closeness = [run.float_closeness.key] if quantizes else []
    return ["stage", "kind", *(metric.key for metric in run.table_metrics), *closeness, *TECHNICAL]


def csv_text(run: Run) -> str:
    """The rows as CSV with raw numbers, in the units of the columns; what was not measured is empty."""
    import pandas

    # as objects: else a column of bytes with one value missing turns into floats
    return pandas.DataFrame(rows(run), columns=columns(run), dtype=object).to_csv(index=False, lineterminator="\n")


def markdown(run: Run) -> str:
    """The rows for people: metrics in their units, sizes in MB (10^6 bytes), ratios as 21.0x; below, whose latency it
    is."""
    names, metrics = columns(run), shown(run)
    lines = ([_cell(name, row, metrics) for name in names] for row in rows(run))
    return f"{markdown_table(names, lines, left=2)}\n{latency_note(run)}\n"


def on_screen(run: Run) -> list[list[str]]:
    """A header and the rows with what a terminal has room for: the smaller of the two files, the median latency."""
    metric, metrics = run.first_metric, shown(run)
    names = (metric.key, "params", "kernel_sparsity", "sparse_tflite_bytes", "latency_ms_p50", "seconds_total")
    header = ["stage", metric.title, "parameters", "zeros", "smallest .tflite", "latency, ms", "seconds"]
    told = [(row, "first/last" if row["kind"] == "ratio" else str(row["stage"])) for row in rows(run)]
    return [header, *([stage, *(_cell(name, row, metrics) for name in names)] for row, stage in told)]


def shown(run: Run) -> dict[str, Metric]:
    """How the columns of the task are shown, by key."""
    return {metric.key: metric for metric in (*run.metrics, run.closeness, run.float_closeness)}


def latency_note(run: Run) -> str:
    """What the latencies in this run are of, in one line."""
    return (
        f"Latency was measured on this host ({run.machine.get('cpu', 'unknown CPU')}) with batch 1 and one thread: 5 "
        "warm-up runs, then 50 timed ones. It says nothing about the latency on a board."
    )


def technical(stage: StageResult) -> dict[str, Any]:
    """What a stage has in the columns of TECHNICAL."""
    latency, seconds = stage.latency, stage.seconds
    timed = ("latency_ms_mean", "latency_ms_p50", "latency_ms_p90")
    return {
        "params": stage.params,
        "kernel_sparsity": stage.kernel_sparsity,
        "tflite_bytes": stage.tflite_bytes,
        "sparse_tflite_bytes": stage.sparse_tflite_bytes,
        "gzip_bytes": stage.gzip_bytes,
        **{name: None if latency is None else getattr(latency, name) for name in timed},
        "seconds_training": None if seconds is None else seconds.get("training", 0.0),
        "seconds_total": stage.seconds_total,
    }


def _row(stage: StageResult, run: Run) -> dict[str, Any]:
    return {
        "stage": stage.name,
        "kind": stage.kind or None,
        **{metric.key: stage.metrics.get(metric.key) for metric in run.table_metrics},
        run.float_closeness.key: stage.closeness_to_float,
        **technical(stage),
    }


def _ratio(first: dict[str, Any], last: dict[str, Any], run: Run) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(first)
    row |= {"stage": f"{first['stage']} / {last['stage']}", "kind": "ratio"}
    for name in (*(metric.key for metric in run.table_metrics if metric.better), *TECHNICAL):
        if name not in WITHOUT_RATIO and first[name] is not None and last[name]:
            row[name] = round(first[name] / last[name], 4)
    return row


def cell(name: str, value: Any, metrics: dict[str, Metric]) -> str:
    """A value of the column ``name`` as people read it; empty for None."""
    if value is None:
        return ""
    if name in ("stage", "kind"):
        return str(value)
    if name in metrics:
        return metrics[name].text(value)
    if name.endswith("_bytes"):
        return megabytes(value)
    if name == "params":
        return f"{value:,}"
    if name == "kernel_sparsity":
        return f"{value:.3f}"
    return f"{value:.2f}" if name.startswith("latency") else f"{value:.1f}"


def _cell(name: str, row: dict[str, Any], metrics: dict[str, Metric]) -> str:
    if row["kind"] == "ratio" and row[name] is not None and name not in ("stage", "kind"):
        return f"{three_digits(row[name])}x"
    return cell(name, row[name], metrics)
