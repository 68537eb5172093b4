"""What was measured for the paper's tables, and what its numbers have in common: pairs of stages, and their noise."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.format import listed, spread
from benchmarks.peers.pairs import typical
from benchmarks.studies import NetworksInTurns, TaughtEpochs, UntrainedSizes, of_kind
from benchmarks.trained import value_of
from compress.results import Run, StageResult

MISSING = "not measured yet"
SPARSITY = "pruned.final_sparsity"
INIT = "distilled.method.init_epochs"
SWEPT = {"3": SPARSITY, "5": INIT, "6": SPARSITY, "7": SPARSITY}
"""Table -> the field of which its rows are values."""


@dataclass(frozen=True)
class Measured:
    """Runs of the tables' pipelines, and the study's other results."""

    runs: Sequence[Run] = ()
    sizes: Sequence[UntrainedSizes] = ()
    latencies: Sequence[NetworksInTurns] = ()
    epochs: Sequence[TaughtEpochs] = ()

    @classmethod
    def of(cls, runs: Sequence[Run], studies: Iterable[Any]) -> "Measured":
        """``studies``: objects of the classes in ``benchmarks.studies``; those of other studies are left out."""
        others = list(studies)
        return cls(
            runs, of_kind(others, UntrainedSizes), of_kind(others, NetworksInTurns), of_kind(others, TaughtEpochs)
        )

    def table(self, name: str) -> list[Run]:
        """The runs of a table, by seed; of a table with several points those of the seeds that all points have."""
        pipeline = name if name == "recipe" else f"table{name}"
        runs = sorted((run for run in self.runs if run.pipeline == pipeline), key=lambda run: run.seed or 0)
        if name not in SWEPT or not runs:
            return runs
        seeds = [{run.seed for run in own} for own in by_value(runs, SWEPT[name]).values()]
        shared = set.intersection(*seeds) or {runs[0].seed}
        return [run for run in runs if run.seed in shared]

    def size(self, network: str | None, precision: str, sparsity: float) -> UntrainedSizes | None:
        """The files of an untrained network; None where they were not made."""
        wanted = (network, precision, sparsity)
        return next((each for each in self.sizes if (each.network, each.precision, each.sparsity) == wanted), None)

    @property
    def sides(self) -> list[int]:
        """Of the images for which latency was measured."""
        return sorted({each.side for each in self.latencies})

    def ms(self, name: str, side: int) -> float | None:
        """Median milliseconds of a file, by what ``latency`` calls it: of the seeds' medians, of
        one machine; None if not measured."""
        times = [typical(each.rounds, name) for each in self.timed(name, side)]
        return statistics.median(times) if times else None

    def timed(self, name: str, side: int) -> list[NetworksInTurns]:
        """The results in which a file was timed, of the processor of the first."""
        found = [each for each in self.latencies if each.side == side and name in each.rounds[0]]
        return [each for each in found if cpu_of(each) == cpu_of(found[0])]

    def timed_seeds(self, *names: str) -> str:
        """Of which seeds files were timed, one of them at least: "timed: seed 0"."""
        seeds = sorted({each.seed for side in self.sides for name in names for each in self.timed(name, side)})
        return f"timed: seed{'s' if len(seeds) > 1 else ''} {listed(map(str, seeds), 'and')}"


def cpu_of(result: NetworksInTurns) -> str:
    """The processor on which it was measured."""
    return result.machine.cpu if result.machine else ""


@dataclass(frozen=True)
class Difference:
    """Points of top-1 of one stage over another, a seed each. ``images``: the standard error that the test images give
    the difference, as if the two were measured on different ones, the same with any number of seeds."""

    points: Sequence[float]
    images: float

    @property
    def mean(self) -> float:
        return statistics.mean(self.points)

    @property
    def noise(self) -> float:
        """What a difference may be by chance: the larger one of its deviation over seeds and of what images give."""
        return max(self.images, statistics.stdev(self.points) if len(self.points) > 1 else 0.0)

    @property
    def is_clear(self) -> bool:
        """Whether it is larger than its noise."""
        return abs(self.mean) > self.noise

    @property
    def text(self) -> str:
        """In words, with what it may be by chance.

        >>> Difference([1.0, 3.0], 0.9).text, Difference([2.0], 1.6).text
        ('+2.00 ± 1.41 points (2 seeds; test images: ± 0.90)', '+2.00 points (one seed; test images: ± 1.60)')
        """
        seeds = f"{len(self.points)} seeds" if len(self.points) > 1 else "one seed"
        return f"{spread(self.points, '+.2f')} points ({seeds}; test images: ± {self.images:.2f})"


def difference(runs: Sequence[Run], one: str, other: str) -> Difference:
    """Of ``one`` over ``other``, seed by seed."""
    pairs = [(top1(run.stage(one)), top1(run.stage(other))) for run in runs]
    variance = statistics.mean(sum(value * (100 - value) for value in pair) for pair in pairs)
    return Difference([first - second for first, second in pairs], math.sqrt(variance / (runs[0].data.test or 1)))


def top1(stage: StageResult) -> float:
    """Of its file on the test split, in %."""
    value = stage.metrics["top1"]
    assert value is not None, stage.name
    return 100 * value


def mean_top1(runs: Sequence[Run], stage: str) -> str:
    """Mean and deviation over the runs, in %."""
    return spread([top1(run.stage(stage)) for run in runs])


def file_bytes(stage: StageResult) -> int:
    """The smaller of the plain file and the one that stores zeros compactly, which is larger where there are few."""
    sizes = [size for size in (stage.tflite_bytes, stage.sparse_tflite_bytes) if size is not None]
    return min(sizes)


def one_a_seed(runs: Sequence[Run]) -> list[Run]:
    """One of the runs of each seed: for what all points of a sweep share."""
    return list({run.seed: run for run in runs}.values())


def by_value(runs: Sequence[Run], field: str) -> dict[Any, list[Run]]:
    """The points of a sweep by the value of its field, in order."""
    values = sorted({value_of(run.settings, field) for run in runs})
    return {value: [run for run in runs if value_of(run.settings, field) == value] for value in values}


def network_of(runs: Sequence[Run], role: str) -> str | None:
    """What the network of the teacher or of the student is called; None for one of the user's own."""
    stage = "teacher" if role == "teacher" else "distilled"
    return next((name for run in runs if (name := value_of(run.settings, f"{stage}.model"))), None)
