"""The tables of focal calibration, by numbers worked by hand; and that both grids are pipelines that can be planned."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.focal import table
from benchmarks.studies import Confidence, FocalBefore, FocalPoint, FocalStudy, Splits
from compress.pipeline import links, read_pipeline
from compress.sweep.load_sweep import read_sweep

FOLDER = Path(table.__file__).parent
BEFORE = FocalBefore(0, Confidence(0.7), Confidence(0.5))


def point(seed, teacher, focal, top1):
    return FocalPoint(top1, nll=1.0, ece=0.1 + focal / 10, ece_scaled=0.05, temperature=1.2 - focal / 10, seed=seed,
                      teacher=teacher, focal=focal)  # fmt: skip


def result(grid, points):
    return FocalStudy(grid, Splits(4500, 500, 5000), points, [BEFORE])


def test_effects_of_a_plane_are_its_slopes_times_the_range():
    points = [point(0, a, b, 0.5 + 2 * a - 3 * b) for a in (0, 0.05, 0.1) for b in (0, 0.005, 0.01)]
    assert table.effects(points, "top1") == pytest.approx((0.2, -0.03, 0), abs=1e-12)


def test_the_grid_s_row():
    points = [point(0, a, b, 0.5 + 2 * a - 3 * b) for a in (0, 0.05, 0.1) for b in (0, 0.005, 0.01)]
    lines = table.section([result("grid", points)])
    assert "| top-1, % | 47.00 to 70.00 | +20.00 | -3.00 | 0.00 | teacher weight, focal weight |" in lines
    assert table.section([]) == []


def test_a_cell_of_the_useful_grid():
    points = [point(0, 0.3, 0.1, 0.6), point(1, 0.3, 0.1, 0.62), point(0, 0.3, 0, 0.5), point(1, 0.3, 0, 0.5)]
    lines = table.section([result("useful", points)])
    assert "| 0.3 | 0 | 50.00 ± 0.00 | 1.000 ± 0.000 | 10.00 ± 0.00 | 5.00 ± 0.00 |" in lines
    assert "| 0.3 | 0.1 | 61.00 ± 1.41 | 1.000 ± 0.000 | 11.00 ± 0.00 | 5.00 ± 0.00 |" in lines
    assert "| 0.1 | +11.00 ± 1.41 | +0.000 ± 0.000 | +1.00 ± 0.00 | 0 of 2 | -0.010 ± 0.000 |" in lines


def test_networks_that_are_too_sure_are_told_by_their_temperature():
    lines = table.section([result("sure", [point(seed, 0, focal, 0.5) for seed in (0, 1) for focal in (0, 1)])])
    assert any("without the focal loss it is 1.20 ± 0.00 here (1.20 to 1.20)" in line for line in lines)
    assert "| 1 | +0.00 ± 0.00 | +0.000 ± 0.000 | +10.00 ± 0.00 | 0 of 2 | -0.100 ± 0.000 |" in lines


def test_words_follow_the_numbers():
    grid = [point(0, a, b, 0.5) for a in (0, 0.05, 0.1) for b in (0, 0.005, 0.01)]
    useful = [point(0, 0.3, 0, 0.6), point(0, 0.3, 1, 0.6)]
    sure = [replace(point(0, 0, focal, 0.6 - focal / 100), ece=0.1 - focal / 50) for focal in (0, 1, 3)]
    said = "\n".join(table.in_words({"grid": grid, "useful": useful, "sure": sure}))
    assert (
        "At a weight of 1 it moves the calibration error by +10.0 points where the fitted temperature was 1.20" in said
    )
    assert "by -2.0 where it was 1.20; and top-1 by +0.0 and -1.0." in said
    assert table.in_words({"grid": grid}) == []


@pytest.mark.parametrize(("grid", "points", "seeds"), [("grid", 100, 1), ("useful", 48, 3), ("sure", 12, 3)])
def test_a_grid_can_be_planned(grid, points, seeds):
    path = str(FOLDER / f"{grid}.toml")
    found = read_sweep(path)
    assert len(found.points) == points
    for each in (found.points[0], found.points[-1]):
        planned = list(links(read_pipeline(path, each.settings, each.seed)).values())[-1].stage
        assert planned.label_loss.focal_weight == each.values[f"{planned.name}.label_loss.focal_weight"]
        if grid != "sure":
            weight = each.values["student.method.distillation_loss_weight"]
            assert planned.method.distillation_loss_weight == weight
    assert len({each.seed for each in found.points}) == seeds
