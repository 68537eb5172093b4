"""What a report shows of one task alone. A new section: one file here, one line in SECTIONS, one test."""

from compress.report.sections import classification, counting, detection, multi_label, regression
from compress.report.sections.section import Section

SECTIONS: dict[str, Section] = {
    "classification": classification.SECTION,
    "multi_label": multi_label.SECTION,
    "regression": regression.SECTION,
    "counting": counting.SECTION,
    "detection": detection.SECTION,
}
"""By the name of the task; one without a section has none."""

__all__ = ["SECTIONS", "Section"]
