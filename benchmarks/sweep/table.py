"""The section on sweeps in RESULTS.md, from results/sweep/*.json."""

import statistics
from collections.abc import Sequence

from benchmarks.studies import SweepOverhead, SweepSavings


def section(results: Sequence[SweepSavings | SweepOverhead]) -> list[str]:
    """Markdown lines; none without results."""
    if not results:
        return []
    rows = [_saved(result) if isinstance(result, SweepSavings) else _overhead(result) for result in results]
    return ["## Sweeps", "", "| what | bar | measured | of |", "|---|---|--:|---|", *rows, ""]


def _saved(result: SweepSavings) -> str:
    points, seconds = result.points, result.seconds_sweep
    ran = [point for point in points if point.alone is not None]
    alone = statistics.mean(point.seconds_alone for point in ran if point.seconds_alone is not None) * len(points)
    same = sum(point.in_sweep.sha256 == point.alone.sha256 for point in ran if point.alone is not None)
    measured = "" if len(ran) == len(points) else f" ({len(ran)} run, the others taken to be as long)"
    bar = "at most 0.6" if result.pipeline == "densenet121" else ""
    swept = f"`{result.pipeline}` at {len(points)} values of {result.field}"
    return (
        f"| {swept}, beside as many runs with empty stores: seconds | {bar} "
        f"| {seconds / alone:.2f} | {seconds:.0f} s and {alone:.0f} s{measured}; --jobs {result.jobs}; "
        f"{same} of {len(ran)} exported files are the same to the last byte |"
    )


def _overhead(result: SweepOverhead) -> str:
    stages, latency = result.seconds_stages, result.seconds_latency
    rest = (result.seconds_sweep - stages - latency) / result.points
    return (
        f"| a point outside its own stages, in a sweep of {result.points} points | at most 1 s | {rest:.2f} s "
        f"| {result.seconds_sweep:.0f} s, less {stages:.0f} s of stages and {latency:.0f} s of latency "
        "measurements |"
    )
