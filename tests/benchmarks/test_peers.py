"""Beside its peers: what pairs say, by hand-worked numbers, and the table of a small made result."""

import configparser
import json
import re
from pathlib import Path

import pytest

from benchmarks import raw, tables
from benchmarks.peers import pairs, table
from benchmarks.studies import Acceptance, PeersLatency, schema_of
from compress.results import validated

ROOT = Path(__file__).parents[2]
ROUNDS = [
    # medians: 6, 5 and 24; then 12, 10 and 24; then 9, 6 and 27
    {"jetslim": [6.0, 5.0, 90.0], "openvino": [5.0, 4.0, 6.0], "float32": [24.0, 20.0, 30.0]},
    {"jetslim": [12.0, 11.0, 13.0], "openvino": [10.0, 9.0, 70.0], "float32": [24.0, 24.0, 24.0]},
    {"jetslim": [9.0, 9.0, 9.0], "openvino": [6.0, 6.0, 6.0], "float32": [27.0, 27.0, 27.0]},
]


def latency(**changes):
    return {
        "schema": schema_of(PeersLatency), "network": "densenet121", "size": 224, "finished": "2026-11-21T08:00:00Z",
        "machine": {"cpu": "Some Xeon", "cores": 2}, "rounds": ROUNDS,
        "seconds": {"jetslim": 5.92, "from_keras_model": 52.34},
        "peers": {"openvino": {"seconds": 25.7, "refused": None},
                  "onnxruntime": {"seconds": 1.0, "refused": "RuntimeError: no operator <X> | Y"}},
        "agreement": {"float32": 1.0, "jetslim": 0.98, "openvino": 0.97},
        "bytes": {"float32": 27_930_096, "jetslim": 8_278_064, "openvino": 8_161_011},
        "cores": {"float32": 1.0, "jetslim": 0.999, "openvino": 0.98}, **changes,
    }  # fmt: skip


def measured(**changes):
    return validated(PeersLatency, latency(**changes), "here")


def acceptance():
    refused = "ValueError: `to_quantize` is wrong"
    return {
        "schema": schema_of(Acceptance), "size": 96, "versions": {"tensorflow-model-optimization": "0.8.1"},
        "networks": [
            {"network": "vgg16", "quantize_model": None, "prune_low_magnitude": None, "jetslim": None},
            {"network": "densenet121", "quantize_model": refused, "prune_low_magnitude": None, "jetslim": None},
        ],
    }  # fmt: skip


def test_a_ratio_is_of_medians_of_one_round():
    assert pairs.ratios(ROUNDS, "jetslim", "openvino") == [pytest.approx(1.2), pytest.approx(1.2), pytest.approx(1.5)]
    assert pairs.ratios(ROUNDS, "float32", "jetslim") == [4.0, 2.0, 3.0]
    assert pairs.typical(ROUNDS, "jetslim") == 9.0


def test_the_order_turns_around_from_round_to_round():
    assert [pairs.order("abc", number) for number in range(3)] == [["a", "b", "c"], ["c", "b", "a"], ["a", "b", "c"]]


def test_a_row_of_a_network():
    lines = table.latency_table([measured()])
    assert lines[2] == (
        "| Some Xeon, 2 cores | densenet121 | 224 | 9.00, 8.28, 98% | 6.00, 8.16, 97% | "
        "refused: RuntimeError: no operator &lt;X> / Y | 24.00, 27.93, 100% | 1.20 (1.20 to 1.50) | - | 0.33 (0.25 to 0.50) |"
    )
    assert {line.count("|") for line in lines} == {lines[0].count("|")}


def test_bars_are_for_densenet121_at_224_only():
    lines = table.bars_table(
        [measured(), measured(network="resnet50", seconds={"jetslim": 3.0, "from_keras_model": "E: no"})]
    )
    assert lines[2:5] == [
        "| densenet121, 224x224: latency, jetslim int8 / OpenVINO int8, median of 3 pairs | at most 1.2 | 1.20 (1.20 to 1.50) |",
        "| densenet121, 224x224: seconds to convert the quantization-aware network | at most 10 | 5.9 |",
        "| the same by `TFLiteConverter.from_keras_model` |  | 52.3 |",
    ]
    assert "at most" not in "".join(lines[5:])
    assert lines[-1].endswith("| refused: E: no |")


@pytest.mark.parametrize(
    ("cores", "words"),
    [
        (0.79, "LiteRT float32 had 0.79 of a core; other work ran beside it"),
        (1.8, "LiteRT float32 had 1.80 of a core; it used more than one thread"),
    ],
)
def test_a_disturbed_result_says_so(cores, words):
    assert table.warnings_list([measured()]) == ["- nothing"]
    lines = table.warnings_list([measured(cores={**latency()["cores"], "float32": cores})])
    assert lines == [f"- densenet121, 224x224, 2026-11-21T08:00:00Z: {words}"]


def test_what_tfmot_takes():
    lines = table.acceptance_table(validated(Acceptance, acceptance(), "here"))
    assert lines[-2] == "| densenet121 | refused: ValueError: `to_quantize` is wrong | accepted | accepted |"
    assert lines[-1] == "| **accepted** | 1 of 2 | 2 of 2 | 2 of 2 |"


def test_only_sealed_results_are_shown(tmp_path):
    path = tmp_path / "peers" / "one.json"
    path.parent.mkdir()
    path.write_text(json.dumps(raw.seal(latency())))
    studies = tables.load(tmp_path).studies
    text = tables.document(tables.Results(studies=[*studies, validated(Acceptance, acceptance(), "here")]))
    assert text.count("## Beside its peers") == 1
    assert "1.20 (1.20 to 1.50)" in text and "| vgg16 | accepted |" in text
    assert "peers" not in tables.document(tables.Results())

    path.write_text(json.dumps({**latency(size=96), "digest": raw.seal(latency())["digest"]}))
    with pytest.raises(raw.Refused, match="was edited after it was measured"):
        tables.load(tmp_path)


def test_the_peers_run_the_interpreter_that_jetslim_requires():
    pins = (ROOT / "benchmarks" / "peers" / "requirements.txt").read_text()
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    wanted = re.search(r"^ai-edge-litert==\S+$", setup["options"]["install_requires"], re.MULTILINE).group()
    assert wanted in pins.splitlines()
