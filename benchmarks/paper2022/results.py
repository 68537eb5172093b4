"""What was measured for the paper's tables, and what its numbers have in common: pairs of stages, and their noise."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.format import spread
from benchmarks.peers.pairs import typical
from benchmarks.studies import NetworksInTurns, TaughtEpochs, UntrainedSizes, of_kind
from benchmarks.trained import value_of
from compress.results import Run, StageResult

MISSING = "not measured yet"


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
        """The runs of a table, by seed."""
        pipeline = name if name == "recipe" else f"table{name}"
        return sorted((run for run in self.runs if run.pipeline == pipeline), key=lambda run: run.seed or 0)

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
        timed = [each for each in self.latencies if each.side == side and name in each.rounds[0]]
        own = [each for each in timed if each.machine == timed[0].machine]
        times = [typical(each.rounds, name) for each in own]
        return statistics.median(times) if times else None


@dataclass(frozen=True)
class Difference:
    """Points of top-1 of one stage over another, a seed each; ``noise`` is what a difference may be by chance."""

    points: Sequence[float]
    noise: float

    @property
    def mean(self) -> float:
        return statistics.mean(self.points)

    @property
    def is_clear(self) -> bool:
        """Whether it is larger than its noise."""
        return abs(self.mean) > self.noise

    @property
    def text(self) -> str:
        """In words, with what it may be by chance.

        >>> Difference([1.0, 3.0], 1.41).text, Difference([2.0], 1.6).text
        ('+2.00 ± 1.41 points (2 seeds)', '+2.00 points (one seed; test images: ± 1.60)')
        """
        seeds = f"{len(self.points)} seeds" if len(self.points) > 1 else f"one seed; test images: ± {self.noise:.2f}"
        return f"{spread(self.points, '+.2f')} points ({seeds})"


def difference(runs: Sequence[Run], one: str, other: str) -> Difference:
    """Of ``one`` over ``other``, seed by seed. With a single seed the noise is the test images' standard error, as if
    the two were measured on different ones."""
    pairs = [(top1(run.stage(one)), top1(run.stage(other))) for run in runs]
    points = [first - second for first, second in pairs]
    if len(points) > 1:
        return Difference(points, statistics.stdev(points))
    variance = sum(value * (100 - value) for value in pairs[0]) / (runs[0].data.test or 1)
    return Difference(points, math.sqrt(variance))


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
