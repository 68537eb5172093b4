"""Latency on this host, in turns: of the networks that table 8 left, at each side that the profile names, and of the
recipe's."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.narrow.at224 import of_size
from benchmarks.paper2022.paper import SPARSITIES_INT8
from benchmarks.paper2022.sizes import int8_converter
from benchmarks.record import keep
from benchmarks.studies import NetworksInTurns, schema_of
from compress import artifacts
from compress.errors import UserError, first_line
from compress.evaluate.latency import in_turns
from compress.evaluate.timings import alone
from compress.export.convert import Converter
from compress.prune.gradual import prune_at_once
from compress.results import Run
from compress.rewrite import as_plain_layers

ROUNDS, SECONDS = 10, 0.2
TEACHER, STUDENT, NARROWED = "teacher float32", "student float32", "narrowed int8"
RECIPE = ("student", "distilled", "narrowed", "pruned", "quantized")
RECIPE_SIDE = 32
TIMED = {"8": ("teacher", "distilled", "narrowed_pruned"), "recipe": ("teacher", *RECIPE)}
"""Table -> the stages whose networks are timed."""
TEACHER_INT8, ORIGINAL_INT8 = "teacher int8", "teacher int8, original graph"


def student_int8(sparsity: float) -> str:
    """What the student's int8 file with so many zeros is called.

    >>> student_int8(0.0), student_int8(0.95)
    ('student int8', 'student int8, 95 % zeros')
    """
    return f"student int8, {100 * sparsity:g} % zeros" if sparsity else "student int8"


def of_recipe(stage: str) -> str:
    """What the file of a stage of the recipe is called."""
    return f"recipe's {stage}"


@dataclass(frozen=True)
class Turns:
    """One result: the files of what a table left with a seed, in turns, for images of ``side``."""

    table: str
    seed: int
    side: int

    @property
    def name(self) -> str:
        """What its result is called, without an ending."""
        return f"latency-{'recipe' if self.table == 'recipe' else self.side}-seed{self.seed}"

    @property
    def run(self) -> str:
        """What the result of the run that it times is called."""
        return f"table-{self.table}-seed{self.seed}"

    def networks(self, run: Run) -> dict[str, str]:
        """The key of each network that is timed, by its stage."""
        return {stage: run.stage(stage).key for stage in TIMED[self.table]}

    def folder(self, runs: Path) -> Path:
        """Where the run's networks are."""
        return runs / self.run / ("recipe" if self.table == "recipe" else f"table{self.table}")

    def check_folder(self, runs: Path) -> None:
        """Raises UserError where the networks are not there any more."""
        for stage in TIMED[self.table]:
            saved_by(self.folder(runs), stage)

    def check_side(self, runs: Path) -> None:
        """Raises UserError for a network that cannot read images of the side."""
        for stage in TIMED[self.table]:
            resized(left_by(self.folder(runs), stage), stage, self.side)

    def is_there(self, run: Run, kept: Mapping[str, Any]) -> bool:
        """Whether its result is among those that are kept, and of these networks."""
        return self.name in kept and is_of(kept[self.name], [run])


def wanted(tables: Mapping[str, Sequence[int]], sides: Sequence[int]) -> list[Turns]:
    """What is measured of the ``tables``, which name their seeds."""
    return [
        Turns(table, seed, side)
        for table, seeds in tables.items()
        for seed in seeds
        for side in ((RECIPE_SIDE,) if table == "recipe" else sides)
    ]


def own_side(shape: Sequence[int]) -> tuple[int, ...]:
    """The side of the data's images. Raises UserError where they have two."""
    if len(shape) != 3 or shape[0] != shape[1]:
        raise UserError(
            f"latency is measured for square images, and the data are {'x'.join(map(str, shape))}: give sides, such as "
            "sides = [32], or leave latency out of tables"
        )
    return tuple(shape[:1])


def is_of(result: NetworksInTurns, runs: Iterable[Run]) -> bool:
    """Whether it is of networks of these runs."""
    return set(result.networks.values()) <= {stage.key for run in runs for stage in run.stages}


def keep_latency(turns: Turns, run: Run, runs: Path, results: Path, kept: Mapping[str, Any]) -> None:
    """Times what ``run``, whose folder is below ``runs``, left, if its result is not among those that are ``kept``."""
    path, folder = results / f"{turns.name}.json", turns.folder(runs)
    if turns.is_there(run, kept):
        print(f"{path.name} is there", flush=True)
        return
    files = recipe_files(folder) if turns.table == "recipe" else files_of(folder, turns.side)
    with alone():
        samples = in_turns(list(files.values()), ROUNDS, SECONDS)
    rounds = [
        {
            name: np.array_split(times, ROUNDS)[number].round(4).tolist()
            for name, times in zip(files, samples, strict=True)
        }
        for number in range(ROUNDS)
    ]
    sizes = {name: len(content) for name, content in files.items()}
    about = {"side": turns.side, "seed": turns.seed, "networks": turns.networks(run)}
    keep(path, {"schema": schema_of(NetworksInTurns), **about, "bytes": sizes, "rounds": rounds})


def files_of(run: Path, side: int) -> dict[str, bytes]:
    """Those of table 8, whose run is in the folder ``run``, by what they are called. What images show, and the ranges
    of int8, do not matter for time."""

    def network(stage: str) -> Any:
        return resized(left_by(run, stage), stage, side)

    def pruned(sparsity: float) -> bytes:
        student = as_plain_layers(network("distilled"))
        if not sparsity:
            return int8_converter(student).dense()
        prune_at_once(student, sparsity)
        return int8_converter(student).sparse()

    examples = np.random.default_rng(0).random((2, side, side, network("teacher").input_shape[-1]), dtype=np.float32)
    return {
        TEACHER: Converter(network("teacher")).dense(),
        STUDENT: Converter(network("distilled")).dense(),
        ORIGINAL_INT8: Converter(network("teacher"), post_training="int8", calibration=[examples]).dense(),
        TEACHER_INT8: int8_converter(network("teacher")).dense(),
        **{student_int8(sparsity): pruned(sparsity) for sparsity in (0.0, *SPARSITIES_INT8)},
        NARROWED: int8_converter(network("narrowed_pruned")).sparse(),
    }


def recipe_files(run: Path) -> dict[str, bytes]:
    """Those of the recipe, whose run is in the folder ``run``, by what they are called."""
    return {of_recipe(stage): Converter(left_by(run, stage)).dense() for stage in ("teacher", *RECIPE)}


def resized(network: Any, name: str, side: int) -> Any:
    """The network for images of ``side``. Raises UserError for one whose weights depend on the size of its images."""
    if network.input_shape[1:3] == (side, side):
        return network
    try:
        return of_size(network, side)
    except Exception as error:  # a network of the user's can raise anything
        raise UserError(
            f"latency: {name} cannot read images of {side}x{side} ({first_line(error)}): leave {side} out of sides"
        ) from error


def left_by(run: Path, stage: str) -> Any:
    """The network of a run's stage. Raises UserError where there is none."""
    return artifacts.load(saved_by(run, stage))


def saved_by(run: Path, stage: str) -> Path:
    """Where a run's stage left its network. Raises UserError where there is none."""
    folder = next(run.glob(f"[0-9]*-{stage}"), None)
    if folder is None or not (folder / "saved_model").exists():
        raise UserError(
            f"latency is of the networks that a table left, and those in {run} are not there any more: remove "
            "the table's result, and they are made again"
        )
    return folder / "saved_model"
