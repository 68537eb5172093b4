"""The second table of a run: how good the probabilities of each stage are, a row a stage."""

from collections.abc import Mapping
from typing import Any

from compress.report.words import markdown_table, percent, three_digits

COLUMNS = (
    "stage",
    "kind",
    "measured_on",
    "top1",
    "top5",
    "nll",
    "brier",
    "ece",
    "temperature",
    "nll_scaled",
    "ece_scaled",
)
"""Of the test split: top1, top5 and ece are fractions, nll is in nats; temperature is fitted on the validation split,
nll_scaled and ece_scaled are with it. measured_on is "network" or ".tflite". With fewer than 6 classes there is no
top5."""

FRACTIONS = ("top1", "top5", "ece", "ece_scaled")


def rows(run: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a stage that recorded them, keyed by COLUMNS; what could not be measured is None."""
    return [
        {name: {**stage, **stage["calibration"]}.get(name) for name in COLUMNS} | {"stage": stage["name"]}
        for stage in run.get("stages", [])
        if stage.get("calibration")
    ]


def columns(run: Mapping[str, Any]) -> list[str]:
    """The COLUMNS that a table of this run has."""
    has_top5 = any(row["top5"] is not None for row in rows(run))
    return [name for name in COLUMNS if has_top5 or name != "top5"]


def csv_text(run: Mapping[str, Any]) -> str:
    """The rows as CSV with raw numbers, in the units of COLUMNS; what could not be measured is empty."""
    import pandas

    return pandas.DataFrame(rows(run), columns=columns(run), dtype=object).to_csv(index=False, lineterminator="\n")


def markdown(run: Mapping[str, Any]) -> str:
    """The rows for people, fractions in per cent; below, what the columns mean. Empty if no stage recorded them."""
    if not rows(run):
        return ""
    names = columns(run)
    table = markdown_table(names, ([cell(name, row[name]) for name in names] for row in rows(run)), left=3)
    return f"{table}\n{_note(run)}\n"


def cell(name: str, value: Any) -> str:
    """A value of the column ``name`` as people read it; empty for None."""
    if value is None:
        return ""
    if name in FRACTIONS:
        return percent(value)
    if name == "temperature":
        return three_digits(value)
    return str(value) if name in ("stage", "kind", "measured_on") else f"{value:.4f}"


def _note(run: Mapping[str, Any]) -> str:
    data = run.get("data", {})
    test, validation = (f"{data[split]:,} " if split in data else "" for split in ("test", "validation"))
    note = (
        f"Of the {test}test images; nll in nats, ece over 15 bins of equal width. nll_scaled and ece_scaled: with "
        f"logits divided by the temperature, for which the {validation}validation images are likeliest. measured_on: "
        "a stage's Keras network, or what a .tflite gives."
    )
    without = [f"`{row['stage']}`" for row in rows(run) if row["temperature"] is None]
    if without:
        note += (
            f" No temperature fits {', '.join(without)}: where every validation image is right, ever smaller ones are "
            "ever likelier."
        )
    return note
