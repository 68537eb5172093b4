"""The sections on narrowing, from runs whose numbers are made up."""

import pytest

from benchmarks.narrow import table
from benchmarks.studies import At224
from compress.results import Change, DataFacts, Narrowing, Run, StageResult


def narrowing(asked=0.5, measured=(10.0, 5.2), predicted=(9.0, 4.5), pinned=None):
    return Narrowing(
        target="latency",
        asked=asked,
        channels={"a": [16, 8]},
        parameters=Change(1000, 250),
        macs=Change(2000, 600),
        predicted_ms=Change(*predicted),
        measured_ms=Change(*measured),
        pinned=pinned or {"the network's input": 3},
    )


def stage(name, top1, **fields):
    return StageResult(name=name, metrics={"top1": top1}, **fields)


def family(name, **fields):
    return Run(
        pipeline="families",
        settings=[f"trained.model={name}"],
        data=DataFacts(shape=[32, 32, 3]),
        stages=[
            stage("trained", 0.98),
            stage("narrowed", 0.97, narrowing=narrowing(**fields)),
            stage("exported", 0.96, float_operators=[]),
        ],
    )


def test_a_family_is_a_row_and_the_bars_are_of_all():
    lines = table.section([family("a"), family("b", measured=(10.0, 5.6), pinned={"made by x (Softmax)": 1200})], [])
    assert "| a | 32 | 98.00% | 97.00% | 96.00% | 0.52 | 0.50 | -10%, -13% | 25% | 30% | none |" in lines
    assert "| families narrowed, trained in int8, exported and run | 18 | 2 |" in lines
    assert "| largest measured latency over the latency that was asked for | at most 1.10 | 1.12 |" in lines
    assert "| files whose predicted latency is within 15 % of the measured one | all | 1 |" in lines
    assert "- b: 1,200 (made by x (Softmax))" in lines


def cifar(seed, narrowed, uniform, scratch, network="resnet56"):
    history = [{"epoch": "1"}] * 2
    return Run(
        pipeline="cifar",
        seed=seed,
        settings=[f"trained.model={network}", "narrowed.latency=0.5"],
        data=DataFacts(train=2250, test=2500),
        stages=[
            stage("trained", 0.5, history=history),
            stage("narrowed", narrowed, narrowing=narrowing(), history=history),
            stage("uniform", uniform, narrowing=narrowing()),
            stage("scratch", scratch, history=2 * history),
        ],
    )


def test_the_difference_is_that_of_each_seed():
    lines = table.section([cifar(0, 0.48, 0.47, 0.44), cifar(1, 0.46, 0.47, 0.40)], [])
    row = next(line for line in lines if line.startswith("| resnet56"))
    assert row == (
        "| resnet56 | 0.5 | 0.52 ± 0.00 | 25% | 50.0 ± 0.0 | 47.0 ± 1.4 | 47.0 ± 0.0 | 42.0 ± 2.8 | +5.0 ± 1.4 | "
        "+0.0 ± 1.4 |"
    )
    assert any("trained for 2 epochs, narrowed, and trained on for 2" in line for line in lines)
    assert "- Against the same widths from the start: better in 2 of 2 runs, by +5.0 points on average." in lines
    assert "- Against uniform narrowing: better in 1 of 2 runs, by +0.0 points on average." in lines


def test_the_ratio_at_224_is_the_median_of_the_rounds():
    rounds = [{"teacher": [30.0], "student": [20.0], "jetslim": [ms]} for ms in (2.0, 1.0, 3.0)]
    result = At224("densenet121", 0, rounds, {"teacher": 70, "student": 28, "jetslim": 2})
    assert table.ratio_at_224(result) == pytest.approx(15.0)
    assert any("| 0 | 30.00 | 20.00 | 2.00 | 15.0 | 35.0 |" in line for line in table.section([], [result]))


def test_nothing_without_results():
    assert table.section([], []) == []
