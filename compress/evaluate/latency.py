"""Batch-1 latency of a .tflite on this machine: one thread, 5 warm-up and 50 timed inferences, nothing else running."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from compress.evaluate.tflite_file import TFLiteFile
from compress.evaluate.tflite_predictor import TFLitePredictor
from compress.quiet import quiet

WARM_UP, RUNS = 5, 50


def latency(model: Path, seed: int = 0) -> dict[str, Any]:
    """Times ``invoke()`` alone on one random example; returns milliseconds: every sample, mean, p50 and p90."""
    predictor = TFLitePredictor(model, threads=1)
    predictor.set_example(np.random.default_rng(seed).integers(0, 256, predictor.shape, np.uint8))
    invoke = predictor.interpreter.invoke
    for _ in range(WARM_UP):
        invoke()
    samples = [round(sample, 4) for sample in _samples(invoke, RUNS)]  # as they are kept: the same statistics again
    return {"samples_ms": samples, **statistics(samples)}


def median_ms(content: bytes, seconds: float = 0.004) -> float:
    """Median milliseconds of ``invoke()`` on a .tflite file that nothing is fed, within about so many seconds."""
    invoke = _ready(content)
    start = time.perf_counter()
    invoke()
    runs = min(100, max(5, int(seconds / max(time.perf_counter() - start, 1e-6))))
    return float(np.median(_samples(invoke, runs)))


def in_turns(contents: Sequence[bytes], rounds: int = 10, seconds: float = 0.05) -> list[list[float]]:
    """Milliseconds of every ``invoke()`` of each file, batch after batch in turns, each about so many seconds."""
    ready = [_ready(content) for content in contents]
    longest = max(max(_samples(invoke, 5)) for invoke in ready)
    runs = min(50, max(3, int(seconds * 1e3 / longest)))
    samples: list[list[float]] = [[] for _ in contents]
    for _ in range(rounds):
        for invoke, own in zip(ready, samples, strict=True):
            own += _samples(invoke, runs)
    return samples


def _ready(content: bytes) -> Callable[[], None]:
    """The ``invoke`` of an interpreter of one thread, warmed up."""
    with quiet():
        interpreter = TFLiteFile(content).interpreter(1)
        interpreter.allocate_tensors()
    invoke: Callable[[], None] = interpreter.invoke
    invoke()
    invoke()
    return invoke


def _samples(invoke: Callable[[], None], runs: int) -> list[float]:
    samples = []
    for _ in range(runs):
        start = time.perf_counter()
        invoke()
        samples.append((time.perf_counter() - start) * 1e3)
    return samples


def statistics(samples: list[float]) -> dict[str, float]:
    """Mean, median and 90th percentile (linear interpolation) of the samples, in their unit, milliseconds."""
    return {
        "latency_ms_mean": round(float(np.mean(samples)), 4),
        "latency_ms_p50": round(float(np.percentile(samples, 50)), 4),
        "latency_ms_p90": round(float(np.percentile(samples, 90)), 4),
    }
