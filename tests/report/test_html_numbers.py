"""What report.html is filled with, against numbers worked by hand."""

from dataclasses import replace

import pytest

from compress.report.goals import goals, verdict
from compress.report.html import strips
from compress.report.html.blocks import blocks
from compress.report.html.front import dominated
from compress.report.html.headline import certainty, headline
from compress.report.html.interval import difference, wilson
from compress.report.html.operators import operator_table
from compress.report.html.scale import scale_of
from compress.report.html.scatter import Point, scatter
from compress.report.html.stages import stage_table
from compress.report.model_explorer import node_data
from compress.results import Latency, Metric, OperatorFacts, parse

TOP1 = Metric("top1", "top-1", "%", 100.0, 2, is_share=True)


def test_340_of_359():
    # centre (340/359 + z^2/718) / (1 + z^2/359) with z = 1.959964, z^2 = 3.841459: (0.947075 + 0.005350) / 1.010700
    # half z / 1.010700 * sqrt(0.947075 * 0.052925 / 359 + 3.841459 / (4 * 128881)): 1.939214 * 0.012126
    assert wilson(340 / 359, 359) == pytest.approx((0.942342 - 0.023515, 0.942342 + 0.023515), abs=2e-5)


def test_all_right_is_no_certainty():
    low, high = wilson(1.0, 359)
    assert low == pytest.approx(359 / (359 + 3.841459), abs=1e-6)  # n / (n + z^2)
    assert high == pytest.approx(1.0)


def test_the_difference_of_two_shares_as_newcombe_has_it():
    # the first example of the article: 56 of 70 against 48 of 80, there (0.0524, 0.3339); here the numbers are of one
    # size: 28 of 40 against 24 of 40, of which the Wilson intervals are (0.5457, 0.8193) and (0.4460, 0.7365)
    low, high = difference(24 / 40, 28 / 40, 40)
    assert low == pytest.approx(0.1 - ((0.7 - 0.5457) ** 2 + (0.7365 - 0.6) ** 2) ** 0.5, abs=2e-4)
    assert high == pytest.approx(0.1 + ((0.8193 - 0.7) ** 2 + (0.6 - 0.4460) ** 2) ** 0.5, abs=2e-4)


def test_what_another_beats():
    points = [(1.0, -0.9), (2.0, -0.95), (2.0, -0.9), (3.0, -0.94), (1.0, -0.9)]
    assert dominated(points) == [False, False, True, True, False]  # equal points beat each other not


def test_differences_from_the_teacher(two_stages):
    table = stage_table(parse(two_stages))
    cells = dict(zip(table["columns"], table["rows"][1]["cells"], strict=True))
    assert cells["top-1 (%)"]["apart"] == "-0.55 points"
    assert cells["top-1 (%)"]["sign"] == -1
    assert (cells[".tflite"]["apart"], cells[".tflite"]["sign"]) == ("21.0x", 1)
    assert cells["latency, median (ms)"]["apart"] == "2.00x"
    assert cells["gzip"]["text"] == "0.650 MB"
    assert not any(cell["apart"] for cell in table["rows"][0]["cells"])


def test_goals_are_reached_or_missed(five_stages):
    run = parse({**five_stages, "schema": 1})
    # the fixture's pruned stage asks for 0.8 and has the teacher's share of zeros
    assert [(goal.goal, goal.met) for goal in goals(run)] == [("zeros in the kernels of pruned", False)]
    assert verdict(run) == (
        "The goal was not reached; missed: zeros in the kernels of pruned (0.0 %, at least 80.0 % asked)."
    )
    asked = {"score": 0.98, "score_lost": 0.005, "megabytes": 2.0, "latency_ms": 11.0}
    got = {(goal.goal, goal.asked): goal.met for goal in goals(replace(run, goals=asked))[1:]}
    assert got == {
        ("test top-1", "at least 98.00 %"): True,  # 98.61 %
        ("test top-1 against teacher", "at most 0.50 points worse"): False,  # 0.55 points
        ("size of the .tflite", "at most 2 MB"): True,  # 1.73 MB
        ("median latency on this host", "at most 11 ms"): False,  # 12 ms
    }


def test_the_verdict_is_a_sentence(two_stages):
    run = parse(two_stages)
    assert verdict(run) == ""  # nothing was asked
    two = replace(run, goals={"score": 0.98, "latency_ms": 11.0})
    assert verdict(two) == ("1 of 2 goals reached; missed: median latency on this host (12.0 ms, at most 11 ms asked).")
    untimed = replace(two, stages=[run.stages[0], replace(run.stages[1], latency=None)])
    assert verdict(untimed) == "1 of 2 goals reached; not measured: median latency on this host."
    assert verdict(replace(run, goals={"megabytes": 2.0})) == "The goal was reached."
    assert verdict(replace(run, goals={"megabytes": 2.0, "score": 0.9})) == "All 2 goals reached."


def test_a_narrowed_network_is_judged_by_its_whole_file(two_stages):
    change = {"before": 4.0, "after": 1.0}
    narrowing = {"target": "latency", "asked": 0.35, "channels": {}, "parameters": change, "macs": change}
    narrowing |= {"predicted_ms": {"before": 10.0, "after": 3.4}, "measured_ms": {"before": 10.0, "after": 3.58}}
    two_stages["stages"][1]["narrowing"] = narrowing
    (goal,) = goals(parse(two_stages))
    assert (goal.goal, goal.asked, goal.got, goal.met) == ("latency left after int8", "at most 35 %", "35.8 %", False)
    assert goal.note == "of the whole file; 34.0 % by the sum of its operators"


def test_a_file_that_grew_says_so(two_stages):
    teacher, last = two_stages["stages"]
    last |= {"tflite_bytes": 2 * teacher["tflite_bytes"], "sparse_tflite_bytes": 3 * teacher["tflite_bytes"]}
    assert headline(parse(two_stages))[1]["note"] == "2.00 times larger than 72.57 MB"


def test_what_so_many_images_tell(two_stages):
    text = certainty(parse(two_stages))
    assert text.startswith("359 test images measure top-1 to about ±1.3 points")
    assert "cannot tell the two stages apart" in text


def test_points_that_lie_on_each_other_are_one_mark():
    points = [Point("a", "r1", 1.0, 0.9, (0.88, 0.92), 1), Point("b", "r2", 1.0, 0.9, None, 2)]
    drawing = scatter([*points, Point("c", "r3", 4.0, 0.85, None, 3)], TOP1, "size", "MB", True)
    marks = {tuple(mark["numbers"]): mark for mark in drawing["marks"]}
    assert {numbers: mark["beaten"] for numbers, mark in marks.items()} == {(1, 2): False, (3,): True}
    assert marks[1, 2]["rows"] == ["r1", "r2"]
    assert marks[1, 2]["titles"][0] == "a: top-1 90.00 % (95 %: 88.00 to 92.00 %); size 1 MB"
    assert marks[3,]["x"] > marks[1, 2]["x"] and marks[3,]["y"] > marks[1, 2]["y"]  # y goes down


def test_scales():
    scale = scale_of([0.0, 10.0], 0, 100, room=0.0)
    assert [scale(0), scale(2.5), scale(10)] == [0.0, 25.0, 100.0]
    assert [tick["text"] for tick in scale.ticks] == ["0", "2", "4", "6", "8", "10"]
    far = scale_of([1.0, 100.0], 0, 100, may_be_log=True, room=0.0)
    assert far.logarithmic and far(10) == 50.0
    assert {"1", "10", "100"} <= {tick["text"] for tick in far.ticks}


def test_samples_that_say_something_against_themselves():
    assert strips.warnings(Latency(1.0, 1.0, 1.1, [1.0] * 20, clocks_mhz=[2000.0, 2000.0])) == []
    slow = strips.warnings(Latency(1.2, 1.0, 1.5, [1.0] * 10 + [1.5] * 10, clocks_mhz=[2000.0, 1500.0]))
    assert [line.split(" ")[1] for line in slow] == ["slowest", "median", "processor's"]


OPERATORS = [
    OperatorFacts(["conv"], "CONV_2D", "net/conv/Conv2D", "int8", 1000, 0.8, 12, 30.0, 0.01, 0.001),
    OperatorFacts([], "SOFTMAX", "probabilities", "float32", 0, None, 10, 10.0),
]


def test_shares_and_decibels_of_operators():
    conv, softmax = operator_table(OPERATORS, {"conv": [32, 12]})
    assert (conv["share"], conv["snr"], conv["own_snr"]) == (0.75, 20.0, 30.0)
    assert (conv["channels_before"], conv["channels"]) == (32, 12)
    assert (softmax["share"], softmax["snr"], softmax["channels_before"]) == (0.25, None, None)


def test_model_explorer_reads_values_by_the_names_of_tensors():
    latency, noise = node_data(OPERATORS, "latency"), node_data(OPERATORS, "noise")
    assert latency["results"] == {"net/conv/Conv2D": {"value": 75.0}, "probabilities": {"value": 25.0}}
    assert noise["results"] == {"net/conv/Conv2D": {"value": 20.0}}
    for data in (latency, noise):
        values = [threshold["value"] for threshold in data["thresholds"]]
        assert values == sorted(values)  # Model Explorer takes the first that is not less
        assert all(threshold["bgColor"].startswith("#") for threshold in data["thresholds"])


def test_markdown_becomes_blocks():
    text = "## Title\n\nOf `a|b`, **all**.\n\n| x | y |\n|---|---:|\n| p \\| q | 1 |\n\n- one\n- two\n"
    heading, words, table, items = blocks(text)
    assert heading == {"kind": "heading", "text": "Title"}
    assert [(part["kind"], part["text"]) for part in words["spans"]][1] == ("code", "a|b")
    assert (table["header"], table["right"], table["rows"]) == (["x", "y"], [False, True], [["p | q", "1"]])
    assert [item[0]["text"] for item in items["items"]] == ["one", "two"]
