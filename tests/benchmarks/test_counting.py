"""The section on counting, from runs whose numbers are made up."""

from benchmarks.counting import table
from compress.results import DataFacts, Latency, Run, StageResult


def stage(name, mae, bias=0.0):
    return StageResult(
        name=name,
        metrics={"mae": mae, "rmse": 2 * mae, "bias": bias},
        details={
            "counts": {"true": [10.0, 30.0], "predicted": [10.0, 30.0]},
            "by_count": {"from": [10.0, 30.0], "to": [10.0, 30.0], "images": [1, 1], "mae": [mae, 2 * mae]},
        },
        params=133_705,
        tflite_bytes=540_000,
        gzip_bytes=500_000,
        latency=Latency(1.0, 1.0, 1.0),
        history=[{"epoch": "1"}] * 3,
    )


def run(seed, control, taught, exported, bias=0.0):
    stages = [stage("teacher", 1.0), stage("alpha_0", control), stage("alpha_10", taught), stage("pruned", 2.0),
              stage("exported", exported, bias)]  # fmt: skip
    data = DataFacts(shape=[96, 128, 3], train=400, test=2, label_names=["people"])
    return Run(pipeline="crowd", seed=seed, data=data, stages=stages)


def test_differences_are_those_of_each_seed():
    lines = table.section([run(0, 2.0, 1.5, 2.02), run(1, 3.0, 2.9, 2.04, 0.05)])
    assert "| 0 | 2.50 ± 0.71 | 5.00 ± 1.41 | +0.00 ± 0.00 |  |  |" in lines
    assert "| 0.1 | 2.20 ± 0.99 | 4.40 ± 1.98 | +0.00 ± 0.00 | -0.30 ± 0.28 | -0.60 ± 0.57 |" in lines
    assert "| and int8 | 2.03 ± 0.01 | 10.2% | 4.06 ± 0.03 | 0.540 MB | 0.500 MB | 1.00 ms |" in lines
    assert "| alpha 10 | 2.20 | 4.40 |" in lines
    assert any("20.0 people an image" in line and "for 3 epochs" in line for line in lines)


def test_bars_and_findings():
    lines = table.section([run(0, 2.0, 1.5, 2.02), run(1, 3.0, 3.1, 2.04, 0.05)])
    assert ("| MAE of the int8 file / of the float network before quantization | at most 1.03 | 1.015 | 1.010 | 1.020 |"
            in lines)  # fmt: skip
    assert "| difference of their mean counts / mean count | at most 0.5 % | 0.12% | 0.00% | 0.25% |" in lines
    assert any("better than that of alpha 0 for alpha 0.1; in every seed for none." in line for line in lines)
    assert "- The best alpha by MAE is 0.1; the paper's is 0.1." in lines


def test_without_results_there_is_no_section():
    assert table.section([]) == []
