"""Latency of the networks that table 8 left, on this host, in turns; at each side that the profile names."""

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
TEACHER_INT8, ORIGINAL_INT8 = "teacher int8", "teacher int8, original graph"


def student_int8(sparsity: float) -> str:
    """What the student's int8 file with so many zeros is called.

    >>> student_int8(0.0), student_int8(0.95)
    ('student int8', 'student int8, 95 % zeros')
    """
    return f"student int8, {sparsity:.0%} zeros".replace("%", " %") if sparsity else "student int8"


def keep_latency(run: Path, side: int, seed: int, results: Path) -> None:
    """``run``: the folder of table 8's run. Raises UserError where it is not there yet."""
    path = results / f"latency-{side}-seed{seed}.json"
    if path.exists():
        print(f"{path.name} is there", flush=True)
        return
    files = files_of(run, side)
    with alone():
        samples = in_turns(list(files.values()), ROUNDS, SECONDS)
    rounds = [
        {name: np.array_split(times, ROUNDS)[number].tolist() for name, times in zip(files, samples, strict=True)}
        for number in range(ROUNDS)
    ]
    sizes = {name: len(content) for name, content in files.items()}
    keep(path, {"schema": schema_of(NetworksInTurns), "side": side, "seed": seed, "bytes": sizes, "rounds": rounds})


def files_of(run: Path, side: int) -> dict[str, bytes]:
    """The files by what they are called; what images show, and the ranges of int8, do not matter for time."""

    def network(stage: str) -> Any:
        folder = next(run.glob(f"[0-9]*-{stage}"), None)
        if folder is None:
            raise UserError(f"latency is of the networks that table 8 leaves in {run}: make that first, for this seed")
        return of_size(artifacts.load(folder / "saved_model"), side)

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
