"""How far a classifier's probabilities are to be believed."""

from collections.abc import Mapping

from compress.report.sections import confidence_table
from compress.report.sections.reliability import reliability
from compress.report.sections.section import Section
from compress.results import Run

FILES = ("calibration.csv", "calibration.md")


def tables(run: Run) -> Mapping[str, str]:
    """The second table of a run, for machines and for people."""
    if not confidence_table.rows(run):
        return {}
    return dict(zip(FILES, (confidence_table.csv_text(run), confidence_table.markdown(run)), strict=True))


SECTION = Section(
    "Calibration of probabilities",
    confidence_table.markdown,
    tables,
    {"reliability": reliability},
    {"reliability": "Accuracy by confidence"},
    FILES,
)
