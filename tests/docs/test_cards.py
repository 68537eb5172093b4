"""Every registered method has a card with its six parts; what was measured comes from the results, also from new ones."""

import re
from pathlib import Path
from typing import get_args

import pytest

from benchmarks.detection import table as detection
from compress.distill import METHODS
from compress.stages import STAGES
from compress.tasks.losses import LABEL_LOSSES
from docs.generate import settings, words
from docs.generate.parts import with_parts
from tests.benchmarks.test_detection import run

FOLDER = Path(__file__).parents[2] / "docs/methods"
PARTS = ("Idea", "When", "Settings", "Measured here", "Sources?")
NO_CARDS = ("Measured",)  # headings of other sections
MODES = get_args(settings.fields(STAGES["quantize"])["mode"].annotation)
KINDS = ("prune", "narrow")  # stages that are methods themselves


def cards() -> dict[tuple[str, str], str]:
    """(page, heading) -> what stands below it."""
    pages = {path.stem: with_parts(path.read_text()) for path in FOLDER.glob("*.md")}
    return {
        (page, title): body
        for page, text in pages.items()
        for title, body in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", text, re.M | re.S)
        if title not in NO_CARDS
    }


@pytest.mark.parametrize(("page", "title"), cards(), ids="-".join)
def test_a_card_has_idea_formula_when_settings_measurement_and_source(page, title):
    body = cards()[page, title]
    said = {part: re.search(rf"\*\*{part}\.\*\* *(\S.*?)(?=\n\*\*|\Z)", body, re.S) for part in PARTS}
    assert [part for part, text in said.items() if text is None] == []
    assert re.search(r"^```text\n.+?^```$", body, re.M | re.S), "no formula"
    assert "](../reference/" in said["Settings"][1], "no link to its settings"
    measured = said["Measured here"][1]
    assert "\n| " in measured or "\n- " in measured or words.NOT_YET in measured, (
        "neither numbers nor that there are none"
    )


def test_every_registered_method_has_a_card():
    titles = {title for _, title in cards()}
    assert METHODS.keys() | LABEL_LOSSES.keys() | set(MODES) <= titles
    links = "".join(cards().values())
    anchors = [f"method-{name}" for name in METHODS] + [f"label_loss-{name}" for name in LABEL_LOSSES]
    assert [
        each for each in [*anchors, *(f"stage-{kind}" for kind in KINDS)] if f"settings.md#{each}" not in links
    ] == []


def test_links_to_settings_lead_to_sections_of_the_reference():
    there = set(re.findall(r"\{ #(\S+) \}", settings.page()))
    assert set(re.findall(r"settings\.md#([\w-]+)", "".join(cards().values()))) <= there


def test_cards_of_detectors_show_what_a_study_found(tmp_path, monkeypatch):
    results = tmp_path / "RESULTS.md"
    monkeypatch.setattr(words, "RESULTS", results)
    results.write_text("# Results\n\n## Sweeps\n\nnothing\n")
    study = "Taught by a teacher, and by labels"
    assert words.findings(study, "fgfi") == words.measured(study) == "Not measured here yet."
    values = {"teacher": 0.9, "fgfi": 0.72, "lgd": 0.69, "pruned": 0.68, "exported": 0.67}
    runs = [run("labels", seed, baseline=0.70, **values) for seed in (0, 1)]
    runs.append(run("labels", 0, ("data.path=BCCD",), baseline=0.8, **values))
    results.write_text("\n".join(["# Results", "", *detection.section(runs), "## Sweeps", "", "nothing", ""]))
    of_cells, of_cards = words.findings(study, "fgfi").splitlines()
    assert of_cells.startswith("- Blood cells, resnet10_1_4, ") and "(fgfi): -8.0 points, one seed." in of_cells
    assert of_cards.startswith("- Playing cards, ") and "(fgfi): +2.0 points, better in 2 of 2 seeds" in of_cards
    assert words.measured(study).count("| imitates the teacher near objects (FGFI) |") == 2
    assert "Sweeps" not in words.measured(study)
