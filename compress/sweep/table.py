"""The table of a sweep: a row a point, with what its last stage gave."""

from collections.abc import Mapping, Sequence
from typing import Any

from compress.report import table
from compress.report.format import markdown_table
from compress.results import Metric, Run
from compress.sweep.grid import Point, table_value

TECHNICAL = ("params", "kernel_sparsity", "tflite_bytes", "sparse_tflite_bytes", "gzip_bytes", "latency_ms_p50")


def metrics_of(runs: Sequence[Run]) -> dict[str, Metric]:
    """Key -> how it is shown, of what the points' task measures and of the closeness; {} where no point is done."""
    return table.shown(runs[0]) if runs else {}


def columns_of(runs: Sequence[Run]) -> list[str]:
    """What is said of each point, beside its fields: each has a plot, where there is one."""
    if not runs:
        return list(TECHNICAL)
    first, closeness = runs[0].table_metrics, runs[0].float_closeness.key
    others = [metric.key for metric in runs[0].metrics if not metric.in_table]
    return [*(metric.key for metric in first), closeness, *TECHNICAL, *others]


def rows(
    points: Sequence[Point], fields: Sequence[str], found: Mapping[int, Run], causes: Mapping[int, str]
) -> list[dict[str, Any]]:
    """A row for each point that has ended: its number, its values of the ``fields``, its state, columns, seconds.

    ``found``: results by number; ``causes``: why the others failed. None is what is not known.
    """
    names = columns_of(list(found.values()))
    return [
        _row(point, fields, names, found.get(point.number), causes.get(point.number))
        for point in points
        if point.number in found or point.number in causes
    ]


def _row(
    point: Point, fields: Sequence[str], names: Sequence[str], run: Run | None, cause: str | None
) -> dict[str, Any]:
    last: dict[str, Any] = {}
    if run is not None:
        stage = run.stages[-1]
        of_file = {metric.key: stage.metrics.get(metric.key) for metric in run.table_metrics}
        last = {**stage.network_metrics, **of_file, **table.technical(stage)}
        last[run.float_closeness.key] = stage.closeness_to_float
    return {
        "point": point.number,
        **{field: table_value(point.values[field]) for field in fields},
        "state": "failed" if run is None else "done",
        **{name: last.get(name) for name in names},
        "seconds": None if run is None else _seconds(run),
        "cause": cause,
    }


def _seconds(run: Run) -> float:
    """What all its stages took, whichever point made them."""
    return round(sum(sum((stage.seconds or {}).values()) for stage in run.stages), 2)


def columns(rows: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> list[str]:
    """Those of ``rows`` that any row has; the technical ones always."""
    always = {"point", *fields, "state", *TECHNICAL, "seconds"}
    names = list(dict.fromkeys(name for row in rows for name in row)) or ["point", *fields, "state", "seconds"]
    return [name for name in names if name in always or any(row[name] is not None for row in rows)]


def csv_text(rows: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> str:
    """The rows as CSV with raw numbers; what is not known is empty."""
    import pandas

    # as objects: else a column of bytes with one value missing turns into floats
    frame = pandas.DataFrame(list(rows), columns=columns(rows, fields), dtype=object)
    return frame.to_csv(index=False, lineterminator="\n")


def markdown(rows: Sequence[Mapping[str, Any]], fields: Sequence[str], metrics: Mapping[str, Metric]) -> str:
    """The rows for people; ``metrics`` say how those of the task are shown."""
    names = columns(rows, fields)
    lines = ([_cell(name, row[name], metrics) for name in names] for row in rows)
    return markdown_table(names, lines, left=2 + len(fields))


def _cell(name: str, value: Any, metrics: Mapping[str, Metric]) -> str:
    if name in metrics or name in TECHNICAL:
        return table.cell(name, value, dict(metrics))
    if name == "seconds" and value is not None:
        return f"{value:.1f}"
    return "" if value is None else str(value)
