"""The second table and its diagram; a run of an older version, which recorded no calibration, has neither."""

import json

import numpy as np
import pytest

from compress import report
from compress.report import markdown_report
from compress.report.sections import confidence_table as calibration
from compress.report.sections.reliability import reliability
from compress.results import parse

HEADER = "stage,kind,measured_on,top1,top5,nll,brier,ece,temperature,nll_scaled,ece_scaled"


def measured(on, images, confidence, accuracy, **changes):
    bins = {"images": images, "confidence": confidence, "accuracy": accuracy}
    numbers = {
        "top1": 0.9916, "top5": 1.0, "nll": 0.0625, "brier": 0.03125, "ece": 0.0125, "temperature": 1.5,
        "nll_scaled": 0.05, "ece_scaled": 0.0075,
    }  # fmt: skip
    return {"measured_on": on, **numbers, **changes, "reliability": bins}


@pytest.fixture
def calibrated(two_stages):
    """Four bins: a teacher too sure in the third and not sure enough in the last; an export right in every one."""
    teacher, exported = two_stages["stages"]
    teacher["calibration"] = measured("network", [0, 0, 9, 350], [None, None, 0.7, 0.9], [None, None, 0.5, 0.95])
    none = dict.fromkeys(("temperature", "nll_scaled", "ece_scaled"))
    exported["calibration"] = measured(".tflite", [0, 0, 0, 359], [None] * 3 + [0.99], [None] * 3 + [1.0], **none)
    return two_stages


def test_csv_has_the_raw_numbers(calibrated):
    assert (
        calibration.csv_text(parse(calibrated))
        == f"""{HEADER}
teacher,train,network,0.9916,1.0,0.0625,0.03125,0.0125,1.5,0.05,0.0075
int8,export,.tflite,0.9916,1.0,0.0625,0.03125,0.0125,,,
"""
    )


def test_markdown_is_for_people(calibrated):
    lines = calibration.markdown(parse(calibrated)).splitlines()
    assert lines[0] == "| " + HEADER.replace(",", " | ") + " |"
    assert lines[1] == "|---|---|---" + "|---:" * 8 + "|"
    assert lines[2] == (
        "| teacher | train | network | 99.16 % | 100.00 % | 0.0625 | 0.0312 | 1.25 % | 1.50 | 0.0500 | 0.75 % |"
    )
    assert lines[3] == "| int8 | export | .tflite | 99.16 % | 100.00 % | 0.0625 | 0.0312 | 1.25 % |  |  |  |"
    assert "Measured on the 359 test images" in lines[5]
    assert "fits the 144 validation images best" in lines[5]
    assert "No temperature fits `int8` best: " in lines[5]
    calibrated["stages"].pop()
    assert "No temperature" not in calibration.markdown(parse(calibrated))


def test_few_classes_have_no_top5(calibrated):
    for stage in calibrated["stages"]:
        stage["calibration"]["top5"] = None
    assert calibration.csv_text(parse(calibrated)).startswith(
        HEADER.replace("top5,", "") + "\nteacher,train,network,0.9916,0"
    )


def test_a_stage_without_one_has_no_row(calibrated):
    del calibrated["stages"][0]["calibration"]
    assert [row["stage"] for row in calibration.rows(parse(calibrated))] == ["int8"]
    assert len(reliability(parse(calibrated)).axes) == 2


def test_the_diagram_by_hand(calibrated):
    upper, _, lower, _ = reliability(parse(calibrated)).axes
    both, below, above = (patch.get_data() for patch in upper.patches)
    assert both.edges.tolist() == [0, 25, 50, 75, 100]
    np.testing.assert_allclose(both.values, [np.nan, np.nan, 50, 90])
    np.testing.assert_allclose(below.values, [np.nan] * 3 + [95])  # on the 90 of the confidence
    np.testing.assert_allclose(above.values, [np.nan, np.nan, 70, np.nan])  # on the 50 of the accuracy
    for gap in (below, above):
        np.testing.assert_allclose(gap.baseline, both.values)
    np.testing.assert_allclose(lower.patches[0].get_data().values, [np.nan, np.nan, 9, 350])
    assert upper.get_title() == "teacher\nECE 1.25 %; 0.75 % at T = 1.50"


def test_every_stage_has_a_panel_on_the_same_axes(calibrated):
    first, last = calibrated["stages"]
    calibrated["stages"] = [first, first, first, last]
    figure = reliability(parse(calibrated))
    upper = [axes for axes in figure.axes if axes.get_title()]
    lower = [axes for axes in figure.axes if not axes.get_title()]
    assert len(upper) == len(lower) == 4
    assert upper[3].get_title() == "int8\nECE 1.25 %"
    assert {axes.get_xlim() for axes in figure.axes} == {(0, 100)}
    assert len({axes.get_ylim() for axes in lower}) == 1
    assert all(axes.get_xlabel() == "confidence (%)" for axes in lower)


def test_write_puts_tables_and_diagram_in_place_and_an_older_run_takes_them_away(calibrated, tmp_path):
    paths = report.write(parse(json.loads(json.dumps(calibrated))), tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in paths] == [
        "table.csv",
        "table.md",
        "calibration.csv",
        "calibration.md",
        "plots/size_and_latency.png",
        "plots/training.png",
        "plots/reliability.png",
        "report.md",
        "report.html",
        "report.json",
    ]
    assert (tmp_path / "calibration.csv").read_text() == calibration.csv_text(parse(calibrated))
    text = (tmp_path / "report.md").read_text()
    assert f"## Calibration of probabilities\n\n{calibration.markdown(parse(calibrated)).strip()}\n\n## Plots" in text
    assert "![Accuracy by confidence](plots/reliability.png)" in text
    for stage in calibrated["stages"]:
        del stage["calibration"]
    report.write(parse(calibrated), tmp_path)
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {
        "table.csv",
        "table.md",
        "size_and_latency.png",
        "training.png",
        "report.md",
        "report.html",
        "report.json",
    }
    assert "Calibration" not in (tmp_path / "report.md").read_text()


def test_an_older_run_has_no_calibration(five_stages):
    assert calibration.rows(parse(five_stages)) == []
    assert calibration.markdown(parse(five_stages)) == ""
    assert reliability(parse(five_stages)) is None
    assert "Calibration" not in markdown_report.report(parse(five_stages), [])
