"""The table of a run: a row a stage, and how many times smaller and faster the last is than the first."""

from collections.abc import Mapping
from typing import Any

from compress.report.words import markdown_table, megabytes, percent, three_digits

COLUMNS = (
    "stage",
    "kind",
    "top1",
    "agreement_with_float",
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
"""top1, agreement_with_float and kernel_sparsity are fractions, the sizes bytes, the latencies milliseconds, the
seconds wall time. A run that quantizes nothing has no agreement_with_float."""

RATIO_COLUMNS = (
    "top1",
    "params",
    "tflite_bytes",
    "sparse_tflite_bytes",
    "gzip_bytes",
    "latency_ms_mean",
    "latency_ms_p50",
    "latency_ms_p90",
)


def rows(run: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a stage, keyed by COLUMNS; what was not measured is None.

    With two stages or more, a last row of the kind "ratio" holds first / last, rounded to 4 decimals; it is None
    where a quotient means nothing: kernel_sparsity, the seconds, and what was not measured or is 0.
    """
    stages = [_row(stage) for stage in run.get("stages", [])]
    return [*stages, _ratio(stages[0], stages[-1])] if len(stages) > 1 else stages


def columns(run: Mapping[str, Any]) -> list[str]:
    """The COLUMNS that a table of this run has."""
    quantizes = any("agreement_with_float" in stage for stage in run.get("stages", []))
    return [name for name in COLUMNS if quantizes or name != "agreement_with_float"]


def csv_text(run: Mapping[str, Any]) -> str:
    """The rows as CSV with raw numbers, in the units of COLUMNS; what was not measured is empty."""
    import pandas

    # as objects: else a column of bytes with one value missing turns into floats
    return pandas.DataFrame(rows(run), columns=columns(run), dtype=object).to_csv(index=False, lineterminator="\n")


def markdown(run: Mapping[str, Any]) -> str:
    """The rows for people: top-1 in per cent, sizes in MB (10^6 bytes), ratios as 21.0x; below, whose latency it is."""
    names = columns(run)
    table = markdown_table(names, ([_cell(name, row) for name in names] for row in rows(run)), left=2)
    return f"{table}\n{latency_note(run)}\n"


def latency_note(run: Mapping[str, Any]) -> str:
    """What the latencies in this run are of, in one line."""
    machine = run.get("machine", {})
    host = f'"{machine.get("label", "host")}": {machine.get("cpu", "unknown CPU")}'
    return (
        f"Latency is of this host ({host}), batch 1, one thread, 5 warm-up and 50 timed runs; "
        "never to be compared with a board."
    )


def _row(stage: Mapping[str, Any]) -> dict[str, Any]:
    seconds = stage.get("seconds")
    known = {**stage, **(stage.get("latency") or {})}
    if seconds is not None:
        known["seconds_training"] = seconds.get("training", 0.0)
        known["seconds_total"] = round(sum(seconds.values()), 3)
    return {"stage": stage["name"]} | {name: known.get(name) for name in COLUMNS[1:]}


def _ratio(first: Mapping[str, Any], last: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    row |= {"stage": f"{first['stage']} / {last['stage']}", "kind": "ratio"}
    for name in RATIO_COLUMNS:
        if first[name] is not None and last[name]:
            row[name] = round(first[name] / last[name], 4)
    return row


def cell(name: str, value: Any) -> str:
    """A value of the column ``name`` as people read it; empty for None."""
    if value is None:
        return ""
    if name in ("stage", "kind"):
        return str(value)
    if name in ("top1", "agreement_with_float"):
        return percent(value)
    if name.endswith("_bytes"):
        return megabytes(value)
    if name == "params":
        return f"{value:,}"
    if name == "kernel_sparsity":
        return f"{value:.3f}"
    return f"{value:.2f}" if name.startswith("latency") else f"{value:.1f}"


def _cell(name: str, row: Mapping[str, Any]) -> str:
    if row["kind"] == "ratio" and row[name] is not None and name not in ("stage", "kind"):
        return f"{three_digits(row[name])}x"
    return cell(name, row[name])
