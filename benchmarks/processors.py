"""On which processors results were made: milliseconds of two of them have no median, and no ratio."""

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence

from benchmarks.format import listed
from compress.results import Run


def processor(run: Run) -> str:
    """Its name."""
    return str(run.machine.get("cpu", "unknown"))


def on_one(runs: Sequence[Run]) -> tuple[str, list[Run]]:
    """The processor of most of the runs, or of the first of them, and those that were made on it."""
    name = Counter(map(processor, runs)).most_common(1)[0][0]
    return name, [run for run in runs if processor(run) == name]


def latency(runs: Sequence[Run], stage: str) -> str:
    """The median over the runs, which are of one processor, of a stage's median latency, as "3.12 ms"; "" for none."""
    times = [each.latency.latency_ms_p50 for run in runs if (each := run.stage(stage)).latency]
    return f"{statistics.median(times):.2f} ms" if times else ""


def of_tables(runs: Sequence[Run], names: Mapping[str, str]) -> str:
    """The processors of several tables' runs: "AMD EPYC"; with two of them, and ``names`` of the tables by their
    pipelines, "AMD EPYC (table 3; table 8, seeds 0 and 1) and Xeon (table 8, seed 2)".
    """
    own: dict[str, dict[str, list[int]]] = {}
    for run in runs:
        own.setdefault(processor(run), {}).setdefault(run.pipeline, []).append(run.seed or 0)
    if len(own) == 1:
        return next(iter(own))

    def told(table: str, seeds: Sequence[int]) -> str:
        if sum(table in tables for tables in own.values()) == 1:
            return names[table]
        numbers = sorted(set(seeds))
        return f"{names[table]}, seed{'s' if len(numbers) > 1 else ''} {listed(map(str, numbers), 'and')}"

    words = {name: "; ".join(told(*table) for table in tables.items()) for name, tables in own.items()}
    return listed((f"{name} ({what})" for name, what in words.items()), "and")
