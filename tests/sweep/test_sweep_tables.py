"""The tables and the plots of points that have ended."""

import csv
import io

import numpy as np
import pytest
from PIL import Image

from compress.results import parse
from compress.sweep import plots, table
from compress.sweep.grid import given, points


def run(top1, **stage):
    last = {"name": "int8", "kind": "export", "top1": top1, "params": 1000, "tflite_bytes": 2_000_000, "seconds": {}}
    first = {**last, "name": "teacher", "top1": 0.1, "seconds": {"training": 10.0, "save": 2.0}}
    return parse({"stages": [first, {**last, "seconds": {"convert": 0.34}, **stage}]})


METRICS = table.metrics_of([run(0.9)])


def draw(rows, fields, metric):
    return plots.draw(rows, fields, metric, "mine", plots.shown(METRICS)[metric])


@pytest.fixture
def grid():
    """Two sparsities and two seeds; the last point failed, the third one has not ended."""
    found = points(given(["pruned.final_sparsity=0.5,0.9", "seed=0,1"]))
    fields = list(found[0].values)
    ended = {
        1: run(0.98, kernel_sparsity=0.5),
        2: run(0.96, latency={"latency_ms_mean": 1.6, "latency_ms_p50": 1.5, "latency_ms_p90": 2.0}),
    }
    return fields, table.rows(found, fields, ended, {4: "the loss is nan"})


def test_a_row_for_each_point_that_ended(grid):
    fields, rows = grid
    assert [(row["point"], row["pruned.final_sparsity"], row["seed"], row["state"]) for row in rows] == [
        (1, 0.5, 0, "done"), (2, 0.5, 1, "done"), (4, 0.9, 1, "failed"),
    ]  # fmt: skip
    assert [row["top1"] for row in rows] == [0.98, 0.96, None]  # of the last stage
    read = list(csv.DictReader(io.StringIO(table.csv_text(rows, fields))))
    assert list(read[0]) == [
        "point", "pruned.final_sparsity", "seed", "state", "top1", "params", "kernel_sparsity", "tflite_bytes",
        "sparse_tflite_bytes", "gzip_bytes", "latency_ms_p50", "seconds", "cause",
    ]  # fmt: skip
    assert (read[0]["params"], read[0]["latency_ms_p50"], read[1]["latency_ms_p50"]) == ("1000", "", "1.5")
    assert (read[2]["cause"], read[2]["top1"]) == ("the loss is nan", "")


def test_the_table_for_people(grid):
    fields, rows = grid
    lines = table.markdown(rows, fields, METRICS).splitlines()
    assert lines[2] == "| 1 | 0.5 | 0 | done | 98.00 % | 1,000 | 0.500 | 2.00 MB |  |  |  | 12.3 |  |"
    assert lines[4] == "| 4 | 0.9 | 1 | failed |  |  |  |  |  |  |  |  | the loss is nan |"
    assert "cause" not in table.markdown(rows[:2], fields, METRICS)


def test_calibration_stands_beside_the_top1_of_the_file():
    found = points(given(["pruned.final_sparsity=0.5,0.9"]))
    measured = {"top1": 0.9, "top5": 0.99, "nll": 0.2, "brier": 0.1, "ece": 0.03, "temperature": None}
    row = table.rows(found, ["pruned.final_sparsity"], {1: run(0.95, calibration=measured)}, {})[0]
    assert (row["top1"], row["top5"], row["ece"], row["temperature"]) == (0.95, 0.99, 0.03, None)
    assert set(table.columns_of([run(0.95)])) <= set(plots.shown(METRICS))


def test_lists_and_truths_stand_as_json():
    found = points(given(['a.skip=[],["b*", "c"]', "a.flip=true,false"]))
    fields = list(found[0].values)
    told = table.rows(found, fields, {}, dict.fromkeys((1, 2, 3, 4), "?"))
    assert [(row["a.skip"], row["a.flip"]) for row in told] == [
        ("[]", "true"), ("[]", "false"), ('["b*","c"]', "true"), ('["b*","c"]', "false"),
    ]  # fmt: skip


def rows_of(*settings, metric="top1", value=lambda values: 0.9, failed=()):
    found = points(given(settings))
    return list(found[0].values), [
        dict.fromkeys(table.columns_of([run(0.9)]))
        | point.values
        | ({} if point.number in failed else {metric: value(point.values)})
        for point in found
    ]


def curve(figure):
    return figure.axes[0], figure.axes[0].lines[0]


def test_a_curve_over_one_field():
    fields, rows = rows_of(
        "pruned.final_sparsity=0.9,0.5,0.7", value=lambda values: 1 - values["pruned.final_sparsity"] / 10
    )
    axes, line = curve(draw(rows, fields, "top1"))
    assert line.get_xdata().tolist() == [0.5, 0.7, 0.9]
    assert line.get_ydata() == pytest.approx([95, 93, 91])
    assert axes.get_xlabel() == "pruned.final_sparsity"
    assert axes.get_ylabel() == "test top-1 (%)"
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0.5", "0.7", "0.9"]
    assert axes.get_xscale() == "linear"


def test_a_curve_over_one_field_and_seeds():
    """Top-1 of 90, 92 and 97 %: mean 93, standard deviation of the sample sqrt((9 + 1 + 16) / 2)."""
    fields, rows = rows_of(
        "a.x=1,2", "seed=0,1,2", value=lambda values: [0.90, 0.92, 0.97][values["seed"]], failed=(4, 5, 6)
    )
    figure = draw(rows, fields, "top1")
    axes, line = curve(figure)
    assert line.get_ydata()[0] == pytest.approx(93)
    assert np.isnan(line.get_ydata()[1])
    (bars,) = axes.containers
    low, high = bars.lines[2][0].get_segments()[0][:, 1]
    assert (high - low) / 2 == pytest.approx(13**0.5)
    points_shown = [line for line in axes.lines if line.get_marker() == "o"]
    assert sorted(points_shown[0].get_ydata()) == pytest.approx([90, 92, 97])
    assert [text.get_text() for text in axes.texts] == ["failed"]
    assert "mean of 3 seeds" in axes.get_title()


def test_the_axis_leaves_room_for_the_bars():
    """Two seeds: the standard deviation of the sample, 1.84, reaches beyond both points, 97 and 99.6 %."""
    fields, rows = rows_of("a.x=1,2", "seed=0,1", value=lambda values: [0.97, 0.996][values["seed"]])
    axes, _ = curve(draw(rows, fields, "top1"))
    low, high = axes.get_ylim()
    assert low < 98.3 - 1.8385 and high > 98.3 + 1.8385


@pytest.mark.filterwarnings("error")
def test_failed_points_stand_on_the_axis_of_the_only_one_that_did_not(tmp_path):
    fields, rows = rows_of("a.x=0.3,0.6,0.9", failed=(1, 2))
    axes = draw(rows, fields, "top1").axes[0]
    low, high = axes.get_xlim()
    assert low < 0.3 < 0.9 < high
    assert [text.get_text() for text in axes.texts] == ["failed", "failed"]
    plots.write(rows, fields, "mine", tmp_path, METRICS)


def test_decades_are_drawn_on_a_logarithmic_axis():
    fields, rows = rows_of("a.learning_rate=1e-5,1e-4,1e-3")
    assert draw(rows, fields, "top1").axes[0].get_xscale() == "log"


def test_words_stand_in_their_order():
    fields, rows = rows_of(
        "a.model=resnet8,densenet_tiny", value=lambda values: 0.8 if values["a.model"] == "resnet8" else 0.9
    )
    axes, line = curve(draw(rows, fields, "top1"))
    assert line.get_ydata() == pytest.approx([80, 90])
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["resnet8", "densenet_tiny"]


def test_a_heat_map_over_two_fields():
    fields, rows = rows_of(
        "a.x=1,2", "b.y=0.1,0.2,0.4", metric="gzip_bytes", failed=(3,),
        value=lambda values: values["a.x"] * 1e6 + values["b.y"] * 1e6,
    )  # fmt: skip
    axes = draw(rows, fields, "gzip_bytes").axes[0]
    shown = np.ma.filled(axes.images[0].get_array(), np.nan)
    assert shown == pytest.approx(np.array([[1.1, 1.2, np.nan], [2.1, 2.2, 2.4]]), nan_ok=True)
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("a.x", "b.y")
    texts = {text.get_position(): text.get_text() for text in axes.texts}
    assert texts == {(0, 0): "1.10", (1, 0): "1.20", (2, 0): "failed", (0, 1): "2.10", (1, 1): "2.20", (2, 1): "2.40"}
    assert axes.get_ylim() == (-0.5, 1.5)  # numbers grow upwards


def test_a_heat_map_over_two_fields_and_seeds():
    fields, rows = rows_of("a.x=1,2", "seed=0,1", "b.y=u,v", value=lambda values: 0.9 + 0.02 * values["seed"])
    axes = draw(rows, fields, "top1").axes[0]
    assert {text.get_text() for text in axes.texts} == {"91.00\n± 1.41"}
    assert axes.get_title() == "mean and standard deviation of 2 seeds"


def test_a_heat_map_tells_its_values_apart():
    """Two digits of a range of 0.0024 need four decimals, not the three of a likelihood."""
    fields, rows = rows_of(
        "a.x=1,2", "b.y=1,2", metric="nll", value=lambda values: 1.2563 + 0.0012 * (values["a.x"] + values["b.y"] - 2)
    )
    figure = draw(rows, fields, "nll")
    assert [text.get_text() for text in figure.axes[0].texts] == ["1.2563", "1.2575", "1.2575", "1.2587"]
    figure.draw_without_rendering()
    ticks = [tick.get_text() for tick in figure.axes[1].get_yticklabels()]
    assert len(set(ticks)) == len(ticks) > 2


def test_values_that_are_equal_keep_their_decimals():
    fields, rows = rows_of("a.x=1,2", "b.y=1,2", metric="gzip_bytes", value=lambda values: 2.5e6)
    assert {text.get_text() for text in draw(rows, fields, "gzip_bytes").axes[0].texts} == {"2.50"}


def test_seeds_alone_are_points_about_their_mean():
    fields, rows = rows_of("seed=0,1,2", value=lambda values: [0.90, 0.92, 0.97][values["seed"]])
    axes = draw(rows, fields, "top1").axes[0]
    assert axes.get_title() == "line: mean 93.00; band: standard deviation 3.6"
    assert [line.get_ydata()[0] for line in axes.lines if line.get_marker() == "o"] == pytest.approx([90, 92, 97])


def test_files_come_and_go(tmp_path):
    fields, rows = rows_of("a.x=1,2,3")
    (tmp_path / "gzip_bytes.png").touch()
    (path,) = plots.write(rows, fields, "mine", tmp_path, METRICS)
    assert path == tmp_path / "top1.png"
    assert [file.name for file in tmp_path.iterdir()] == ["top1.png"]
    assert Image.open(path).size[0] > 500
    three, rows = rows_of("a.x=1,2", "b.y=1,2", "c.z=1,2")
    assert plots.write(rows, three, "mine", tmp_path, METRICS) == []
    assert list(tmp_path.iterdir()) == []
