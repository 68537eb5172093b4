"""What is said of sweeps, by numbers worked by hand."""

from benchmarks.studies import STUDIES, SweepOverhead, SweepSavings, schema_of
from benchmarks.sweep import table
from compress.results import validated

POINT = {"value": "0.5", "in_sweep": {"top1": 0.9, "sha256": "a"}}


def alone(seconds, sha256):
    return {**POINT, "seconds_alone": seconds, "alone": {"top1": 0.9, "sha256": sha256}}


def saved(*points):
    return {"schema": schema_of(SweepSavings), "pipeline": "net", "field": "pruned.final_sparsity", "jobs": 1, "seconds_sweep": 300,
            "points": list(points)}  # fmt: skip


def row(result):
    return table.section([validated(STUDIES[result["schema"]], result, "here")])[4]


def test_a_sweep_beside_all_its_points_alone():
    text = row(saved(alone(200, "a"), alone(400, "b")))
    assert "| 0.50 | 300 s and 600 s; --jobs 1; 1 of 2 exported files are the same" in text


def test_points_that_did_not_run_alone_are_taken_to_be_as_long():
    text = row(saved(alone(250, "a"), POINT))
    assert "| 0.60 | 300 s and 500 s (1 run, the others taken to be as long); --jobs 1; 1 of 1 exported files" in text


def test_overhead_is_what_neither_stages_nor_latency_took():
    one = {"schema": schema_of(SweepOverhead), "points": 100, "seconds_sweep": 250.0, "seconds_stages": 150.0,
           "seconds_latency": 40.0}  # fmt: skip
    assert "| at most 1 s | 0.60 s |" in row(one)
    assert table.section([]) == []
