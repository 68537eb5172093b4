"""Latency on this host, in turns: of the networks that table 8 left, at each side that the profile names, and of the
recipe's."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.narrow.at224 import of_size
from benchmarks.paper2022.paper import SPARSITIES_INT8
from benchmarks.paper2022.sizes import int8_converter
from benchmarks.record import keep
from benchmarks.studies import NetworksInTurns, schema_of
from compress import artifacts
from compress.errors import UserError
from compress.evaluate.latency import in_turns
from compress.evaluate.timings import alone
from compress.export.convert import Converter
from compress.prune.gradual import prune_at_once
from compress.rewrite import as_plain_layers

ROUNDS, SECONDS = 10, 0.2
TEACHER, STUDENT, NARROWED = "teacher float32", "student float32", "narrowed int8"
RECIPE = ("student", "distilled", "narrowed", "pruned", "quantized")
TEACHER_INT8, ORIGINAL_INT8 = "teacher int8", "teacher int8, original graph"


def student_int8(sparsity: float) -> str:
    """What the student's int8 file with so many zeros is called.

    >>> student_int8(0.0), student_int8(0.95)
    ('student int8', 'student int8, 95 % zeros')
    """
    return f"student int8, {sparsity:.0%} zeros".replace("%", " %") if sparsity else "student int8"


def of_recipe(stage: str) -> str:
    """What the file of a stage of the recipe is called."""
    return f"recipe's {stage}"


def keep_latency(path: Path, side: int, seed: int, make: Callable[[], Mapping[str, bytes]]) -> None:
    """Times the files that ``make`` gives by name, if the result is not there."""
    if path.exists():
        print(f"{path.name} is there", flush=True)
        return
    files = make()
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
    keep(path, {"schema": schema_of(NetworksInTurns), "side": side, "seed": seed, "bytes": sizes, "rounds": rounds})


def files_of(run: Path, side: int) -> dict[str, bytes]:
    """Those of table 8, whose run is in the folder ``run``, by what they are called. What images show, and the ranges
    of int8, do not matter for time."""

    def network(stage: str) -> Any:
        return of_size(left_by(run, stage), side)

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
        NARROWED: int8_converter(network("narrowed_pruned")).dense(),
    }


def recipe_files(run: Path) -> dict[str, bytes]:
    """Those of the recipe, whose run is in the folder ``run``, by what they are called."""
    return {of_recipe(stage): Converter(left_by(run, stage)).dense() for stage in ("teacher", *RECIPE)}


def left_by(run: Path, stage: str) -> Any:
    """The network of a run's stage. Raises UserError where there is none."""
    folder = next(run.glob(f"[0-9]*-{stage}"), None)
    if folder is None:
        raise UserError(
            f"latency is of the networks that tables leave, and {run} is not there: make table 8 and recipe"
        )
    return artifacts.load(folder / "saved_model")
