"""RESULTS.md from raw results: what a board measured, what it says against itself, and what is refused."""

import json
from pathlib import Path

import pytest

from benchmarks import raw, tables
from benchmarks.boards import page
from benchmarks.boards.__main__ import main as boards_main
from benchmarks.boards.result import parse
from benchmarks.boards.table import boards_table, warnings_list
from compress.errors import UserError
from compress.results import OLD_METRICS

ROOT = Path(__file__).parents[2]


def result(**changes):
    """A board's result, with the fields that the tables read."""
    ms = {"mean": 12.345, "p50": 12.0, "p90": 13.0, "std": 0.5}
    model = {
        "file": "model.tflite", "role": "exported", "bytes": 8_278_272, "host_score": 0.9889,
        "accuracy": {"metrics": {"top1": 0.985}, "intervals": {"top1": [0.964, 0.993]}},
        "latency": [
            {"threads": 1, "ms": ms, "errors": [], "energy": {"energy_mj": 41.26, "rail": "VDD_IN"},
             "repetitions": [{"load_ms": 50.0, "peak_memory_mb": 60.0}, {"load_ms": 70.0, "peak_memory_mb": 61.0}]},
            {"threads": 8, "ms": None, "errors": ["crashed (SIGSEGV)"], "repetitions": []},
        ],
    }  # fmt: skip
    found = {
        "schema": "jetslim-board/3", "task": {"name": "classification"}, "metrics": [OLD_METRICS[0].as_json()], "started": "2026-11-21T05:00:00Z", "bundle": {"pipeline": "densenet121"},
        "board": {"model": "Jetson AGX Xavier", "cpu": None, "machine": "aarch64", "is_jetson": True, "emulated": False,
                  "jetpack": "5.1", "system": "Ubuntu 20.04"},
        "runtime": {"name": "ai-edge-litert", "version": "2.1.0"}, "power_source": "ina3221",
        "models": [model], "warnings": ["the processor was throttled"], **changes,
    }  # fmt: skip
    return raw.seal(found)


def kept(folder, content, name="xavier/one.json"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def test_a_boards_rows(tmp_path):
    boards = tables.load(kept(tmp_path, result())).boards
    lines = boards_table(boards)
    assert lines[2] == (
        "| Jetson AGX Xavier | JetPack 5.1 | ai-edge-litert 2.1.0 | densenet121 | model.tflite | 8.28 | "
        "98.50% (96.4% to 99.3%) | 98.89% | 1 | 12.35 | 12.00 | 13.00 | 0.50 | 60.0 | 61 | 41.3 (VDD_IN) | 1.00 |"
    )
    assert "| 8 | failed: crashed (SIGSEGV) | - |" in lines[3]
    assert {line.count("|") for line in lines} == {lines[0].count("|")}
    assert warnings_list(boards) == ["- Jetson AGX Xavier, 2026-11-21T05:00:00Z: the processor was throttled"]


def test_what_is_computed_behind_the_outputs_has_a_column(tmp_path):
    """A detector's boxes are decoded after the inference; the time of that is no part of the inference's."""
    content = result()
    other = {**content["models"][0], "file": "other.tflite", "accuracy": None}
    content["models"] = [content["models"][0], other]
    content["models"][0]["accuracy"]["postprocess_ms"] = 1.476
    head, _, row, failed, without, _ = boards_table([parse(content, "")])
    assert "| top-1, host | post-processing ms | threads |" in head
    assert "| 98.89% | 1.48 | 1 | 12.35 |" in row and "| 1.48 | 8 | failed" in failed and "| - | 1 | 12.35" in without
    assert len({line.count("|") for line in boards_table([parse(content, "")])}) == 1
    html, _ = page.write(content, "it", tmp_path, "board")
    assert "post-processing ms" in html.read_text() and ">1.48<" in html.read_text()
    html, _ = page.write(result(), "it", tmp_path, "other")
    assert "post-processing ms" not in html.read_text()


def test_a_result_that_lacks_something_is_refused_with_its_file(tmp_path):
    content = {key: value for key, value in result().items() if key not in ("runtime", "digest")}
    path = kept(tmp_path, raw.seal(content))
    with pytest.raises(UserError, match=r"one\.json is no result of a board: .*runtime"):
        tables.load(path)


def test_a_result_of_before_there_were_tasks_has_the_same_rows(tmp_path):
    old = result()
    (model,) = old["models"]
    accuracy = {"top1": 0.985, "top1_interval": [0.964, 0.993]}
    models = [{**{k: v for k, v in model.items() if k != "host_score"}, "accuracy": accuracy, "host_top1": 0.9889}]
    rest = {key: value for key, value in old.items() if key not in ("task", "metrics", "digest")}
    old = {**rest, "schema": "jetslim-board/1", "models": models}
    boards = tables.load(kept(tmp_path, raw.seal(old))).boards
    assert boards_table(boards) == boards_table([parse(result(), "")])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"is_jetson": False, "model": None, "cpu": "Some Xeon"}, "Some Xeon (not a Jetson)"),
        ({"is_jetson": False, "emulated": True, "model": None}, "aarch64 (EMULATED: its times mean nothing)"),
    ],
)
def test_what_is_no_jetson_says_so(changes, words):
    assert parse(result(board={**result()["board"], **changes}), "").board.title == words


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({**result(), "started": "2026-11-22T05:00:00Z"}, "was edited after it was measured"),
        ({key: value for key, value in result().items() if key != "digest"}, "was edited after it was measured"),
        (result(schema="jetslim-board/7"), "schema 'jetslim-board/7' is unknown"),
        ({"a": 1}, "schema None is unknown"),
        ([1], "schema None is unknown"),
        ("{", "is no JSON"),
        (result(replay=True), "replays a recorded tegrastats, or another machine's files: it is no measurement"),
    ],
)
def test_what_is_refused_names_its_file_and_reason(tmp_path, content, reason):
    with pytest.raises(raw.Refused, match=reason) as error:
        tables.load(kept(tmp_path, content))
    assert str(tmp_path / "xavier" / "one.json") in str(error.value)


def test_the_papers_figures_have_columns_of_their_own():
    runs = tables.load(ROOT / "benchmarks" / "results").runs
    lines = tables.paper_table(runs[0], [parse(result(), "")])
    assert "1274.03" in lines[2]
    assert (lines[0].count("paper: "), lines[0].count("ours: ")) == (3, 4)
    assert lines[4].endswith(" 12.00 |")  # the exported model on the Xavier
    assert lines[2].endswith(" - |")  # its teacher was not measured there


def test_the_seal_is_that_of_both_who_write_results():
    from compress.artifacts.files import seal
    from jetson.result import seal as board_seal

    value = {"b": [1, 2.5, None], "a": {"x": "é", "y": 1e-7}, "digest": "old"}
    assert seal(value)["digest"] == board_seal(value) == raw.seal(value)["digest"]
    assert seal(json.loads(json.dumps(seal(value)))) == seal(value)


def test_a_page_of_a_board(tmp_path):
    content = result(before={"clocks_mhz": {"cpu0": 2265.6}, "throttled": False})
    content["models"][0]["latency"][0]["repetitions"][0]["samples_ms"] = [11.0, 12.0, 13.0]
    content["models"].append({**content["models"][0], "file": "<b>.tflite", "bytes": 9_000_000})
    content |= {
        "runner": "1.2.3",
        "settings": {"runs": 50, "repetitions": 3},
        "after": {"clocks_mhz": {"cpu0": 1190.4}},
    }
    content["models"][0] |= {"sha256": "5e1f"}
    html, json_file = page.write(content, "it", tmp_path, "board")
    text = html.read_text()
    assert text.count("<svg") == 4  # size, latency, energy; and the samples
    assert "VDD_IN" not in text and "41.3" in text
    assert "98.50 %" in text and "96.40 to 99.30" in text
    assert "the processor was throttled" in text
    assert "before all runs: cpu0 2265.6; after: cpu0 1190.4" in text  # below the samples, and in the table of states
    assert "<td>repetitions</td>" in text and "1.2.3" in text and "sha256 5e1f" in text
    assert json.loads(json_file.read_text())["result"] == content
    assert "failed: crashed (SIGSEGV)" in text
    assert "&lt;b&gt;.tflite" in text and "<b>.tflite" not in text


def test_a_page_for_every_board_that_was_measured(tmp_path):
    written = boards_main([], tmp_path)
    assert [path.name for path in written] == ["x86-64-tiny-20261121-071242.html"]
    assert written[0].stat().st_size < 500_000
    with pytest.raises(UserError, match="no result of a board"):
        boards_main([ROOT / "benchmarks/results/sweep/tiny.json"], tmp_path)
