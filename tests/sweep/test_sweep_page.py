"""sweep.html of a hundred points, and of points that failed."""

import json

import pytest

from compress.report.html.parallel import Axis, parallel
from compress.results import parse
from compress.sweep import page, table
from compress.sweep.grid import given, points

MODES = ["static", "qat", "<script>alert(1)</script>"]


def run(top1, size, latency):
    last = {"name": "int8", "kind": "export", "top1": top1, "tflite_bytes": size, "seconds": {}}
    if latency:
        last["latency"] = {"latency_ms_mean": latency, "latency_ms_p50": latency, "latency_ms_p90": latency}
    return parse({"stages": [last], "data": {"test": 359}})


def page_of(found, ended, causes, folder):
    fields = list(found[0].values)
    rows = table.rows(found, fields, ended, causes)
    return rows, page.write(rows, fields, list(ended.values()), "mine", folder)


@pytest.fixture
def hundred(tmp_path):
    sparsities = ",".join(str(0.5 + number / 100) for number in range(34))
    found = points(given([f"pruned.final_sparsity={sparsities}", f"quantized.mode={','.join(MODES)}"]))[:100]
    ended = {
        point.number: run((330 + point.number % 29) / 359, 2_000_000 - 9_000 * point.number, 1.0 + point.number % 7)
        for point in found
        if point.number != 50
    }
    return page_of(found, ended, {50: "the loss is <b>nan</b>"}, tmp_path)


def test_a_hundred_points_in_less_than_two_megabytes(hundred):
    rows, (html, json_file) = hundred
    text = html.read_text()
    assert len(rows) == 100
    assert html.stat().st_size < 2_000_000
    assert text.count("<tr id=") == 100
    assert text.count('class="path') == 99  # a failed point has no line
    assert "100 points, 1 of them failed" in text
    assert "&lt;b&gt;nan&lt;/b&gt;" in text and "<script>alert" not in text
    assert "http://" not in text and "src=" not in text
    content = json.loads(json_file.read_text())
    assert content["rows"][49]["cause"] == "the loss is <b>nan</b>"


def test_the_front_over_accuracy_size_and_latency(tmp_path):
    found = points(given(["seed=0,1,2,3"]))
    ended = {
        1: run(0.95, 2_000_000, 2.0),
        2: run(0.95, 3_000_000, 2.0),  # beaten by the first
        3: run(0.90, 2_500_000, 1.0),  # faster
        4: run(0.97, 4_000_000, None),  # better, and of unknown latency
    }
    rows, _ = page_of(found, ended, {}, tmp_path)
    shown = page.data(rows, ["seed"], list(ended.values()), "mine")["rows"]
    assert [row["beaten"] for row in shown] == [False, True, False, False]


@pytest.mark.parametrize(("field", "says_so"), [("seed=0,1", False), ("pruned.final_sparsity=0.5,0.7", True)])
def test_the_settings_that_all_points_share(field, says_so, tmp_path):
    found = points(given([field]))
    shared = {"table": "teacher", "key": "epochs", "value": 7, "default": 1}
    ended = {}
    for point in found:
        own = {"table": "pruned", "key": "final_sparsity", "value": 0.4 + point.number / 10, "default": 0.8}
        last = {"name": "int8", "kind": "export", "metrics": {"top1": 0.9}}
        metrics = [{"key": "top1", "title": "top-1"}]
        content = {"schema": 3, "seed": point.number, "command": "jetslim sweep", "metrics": metrics, "stages": [last]}
        ended[point.number] = parse({**content, "changed": [shared, own]})
    rows = table.rows(found, list(found[0].values), ended, {})
    shown = page.data(rows, list(found[0].values), list(ended.values()), "mine")
    assert shown["changed"] == [{"table": "teacher", "key": "epochs", "value": "7", "default": "1"}]
    assert any(line.startswith("Other seeds") for line in shown["limits"]) == says_so
    assert (["seed", "1"] in shown["provenance"]["run"]) == says_so  # of one seed alone it is a fact of all points
    assert ["command", "jetslim sweep"] in shown["provenance"]["run"]


def test_no_point_has_ended_well(tmp_path):
    found = points(given(["seed=0,1"]))
    _, (html, _) = page_of(found, {}, {1: "no memory", 2: "no memory"}, tmp_path)
    assert "No point has finished successfully yet" in html.read_text()


def test_words_and_numbers_on_parallel_axes():
    rows = [
        {"id": f"p{value}", "beaten": False, "title": "", "x": value, "mode": mode}
        for value, mode in ((0.0, "b"), (5.0, "a"), (10.0, "c"))
    ]
    drawing = parallel(rows, [Axis("x", "x"), Axis("mode", "mode")])
    assert [line["path"] for line in drawing["lines"]] == [
        "M70.0 320.0L830.0 183.0", "M70.0 183.0L830.0 320.0", "M70.0 46.0L830.0 46.0"
    ]  # fmt: skip
    assert parallel(rows, [Axis("x", "x")]) is None
