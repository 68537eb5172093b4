"""The table of a sweep: a row a point, with what its last stage gave."""

from collections.abc import Mapping, Sequence
from typing import Any

from compress.report import calibration, table
from compress.report.words import markdown_table
from compress.sweep.grid import Point, plain

CALIBRATION = ("top5", "nll", "brier", "ece", "temperature", "nll_scaled", "ece_scaled")
METRICS = (
    "top1",
    "agreement_with_float",
    "params",
    "kernel_sparsity",
    "tflite_bytes",
    "sparse_tflite_bytes",
    "gzip_bytes",
    "latency_ms_p50",
    *CALIBRATION,
)
"""Of the last stage, in the units of ``report.table`` and ``report.calibration``; each has a plot, where there is
one."""


def rows(
    points: Sequence[Point], fields: Sequence[str], found: Mapping[int, Mapping[str, Any]], causes: Mapping[int, str]
) -> list[dict[str, Any]]:
    """A row for each point that has ended: its number, its values of the ``fields``, its state, METRICS, seconds.

    ``found``: results (run.json) by number; ``causes``: why the others failed. None is what is not known.
    """
    return [
        _row(point, fields, found.get(point.number), causes.get(point.number))
        for point in points
        if point.number in found or point.number in causes
    ]


def _row(point: Point, fields: Sequence[str], run: Mapping[str, Any] | None, cause: str | None) -> dict[str, Any]:
    last = [row for row in table.rows(run) if row["kind"] != "ratio"][-1] if run else {}
    measured = run["stages"][-1].get("calibration", {}) if run else {}
    last |= {name: measured.get(name) for name in CALIBRATION}
    return {
        "point": point.number,
        **{field: plain(point.values[field]) for field in fields},
        "state": "done" if run else "failed",
        **{name: last.get(name) for name in METRICS},
        "seconds": _seconds(run) if run else None,
        "cause": cause,
    }


def _seconds(run: Mapping[str, Any]) -> float:
    """What all its stages took, whichever point made them."""
    return round(sum(sum(stage["seconds"].values()) for stage in run["stages"]), 2)


def columns(rows: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> list[str]:
    """Those of ``rows``; agreement_with_float, calibration and cause only where a row has them."""
    sometimes = ("agreement_with_float", *CALIBRATION, "cause")
    names = ["point", *fields, "state", *METRICS, "seconds", "cause"]
    return [name for name in names if name not in sometimes or any(row[name] is not None for row in rows)]


def csv_text(rows: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> str:
    """The rows as CSV with raw numbers; what is not known is empty."""
    import pandas

    # as objects: else a column of bytes with one value missing turns into floats
    frame = pandas.DataFrame(list(rows), columns=columns(rows, fields), dtype=object)
    return frame.to_csv(index=False, lineterminator="\n")


def markdown(rows: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> str:
    """The rows for people."""
    names = columns(rows, fields)
    return markdown_table(names, ([_cell(name, row[name]) for name in names] for row in rows), left=2 + len(fields))


def _cell(name: str, value: Any) -> str:
    if name in CALIBRATION:
        return calibration.cell(name, value)
    if name in METRICS:
        return table.cell(name, value)
    if name == "seconds" and value is not None:
        return f"{value:.1f}"
    return "" if value is None else str(value)
