"""Milliseconds of one processor at a time."""

from benchmarks.processors import latency, of_tables, on_one
from compress.results import Latency, Run, StageResult

NAMES = {"table3": "table 3", "table8": "table 8"}


def run(cpu, ms=1.0, seed=0, pipeline="table8"):
    stage = StageResult(name="exported", latency=Latency(ms, ms, ms))
    return Run(pipeline=pipeline, seed=seed, machine={"cpu": cpu}, stages=[stage, StageResult(name="none")])


def test_a_median_is_of_the_processor_of_most_runs():
    cpu, own = on_one([run("a", 9.0), run("b", 1.0), run("a", 7.0), run("b", 3.0), run("b", 2.0)])
    assert (cpu, len(own), latency(own, "exported")) == ("b", 3, "2.00 ms")
    assert on_one([run("a"), run("b")])[0] == "a"
    assert latency(own, "none") == ""


def test_the_processors_of_tables():
    runs = [run("a", pipeline="table3"), run("a"), run("a", seed=1)]
    assert of_tables(runs, NAMES) == "a"
    assert of_tables([*runs, run("b", seed=2)], NAMES) == "a (table 3; table 8, seeds 0 and 1) and b (table 8, seed 2)"
