"""The second table of a classification: how good the probabilities of each stage are, a row a stage."""

from typing import Any

from compress.report.format import markdown_table
from compress.report.table import shown
from compress.results import Run, StageResult

HEADER = ("stage", "kind", "measured_on")


def rows(run: Run) -> list[dict[str, Any]]:
    """One row a stage that recorded them, keyed by HEADER and the task's metrics; what could not be measured is None.

    Of the test split, in raw units: fractions, nats. measured_on is "network" or ".tflite".
    """
    return [
        {
            "stage": stage.name,
            "kind": stage.kind,
            "measured_on": stage.measured_on,
            **{metric.key: stage.network_metrics.get(metric.key) for metric in run.metrics},
        }
        for stage in _measured(run)
    ]


def columns(run: Run) -> list[str]:
    """Those that a table of this run has: fewer than 6 classes have no top-5."""
    table = rows(run)
    known = [
        metric.key for metric in run.metrics if metric.key != "top5" or any(row["top5"] is not None for row in table)
    ]
    return [*HEADER, *known]


def csv_text(run: Run) -> str:
    """The rows as CSV with raw numbers; what could not be measured is empty."""
    import pandas

    return pandas.DataFrame(rows(run), columns=columns(run), dtype=object).to_csv(index=False, lineterminator="\n")


def markdown(run: Run) -> str:
    """The rows for people; below, what the columns mean. Empty if no stage recorded them."""
    if not rows(run):
        return ""
    names, metrics = columns(run), shown(run)

    def cell(name: str, value: Any) -> str:
        if value is None or name in HEADER:
            return "" if value is None else str(value)
        metric = metrics[name]
        return metric.text(value) if metric.unit == "%" else metric.number(value)

    table = markdown_table(names, ([cell(name, row[name]) for name in names] for row in rows(run)), left=3)
    return f"{table}\n{_note(run)}\n"


def _measured(run: Run) -> list[StageResult]:
    return [stage for stage in run.stages if stage.network_metrics and stage.measured_on]


def _note(run: Run) -> str:
    test, validation = (f"{count:,} " if count else "" for count in (run.data.test, run.data.validation))
    note = (
        f"Measured on the {test}test images. nll is the negative log-likelihood in nats, brier the Brier score, ece "
        "the expected calibration error over 15 bins of equal width. nll_scaled and ece_scaled are the same after the "
        f"logits were divided by the temperature that fits the {validation}validation images best. measured_on says "
        "whether a stage's Keras network or its .tflite file was measured."
    )
    without = [f"`{stage.name}`" for stage in _measured(run) if stage.network_metrics.get("temperature") is None]
    if without:
        note += (
            f" No temperature fits {', '.join(without)} best: every validation image is classified correctly, so the "
            "smaller the temperature, the better it fits."
        )
    return note
