"""Batch-1 latency of a .tflite on this machine: one thread, 5 warm-up and 50 timed inferences, nothing else running."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from compress.evaluate.tflite_predictor import TFLitePredictor

WARM_UP, RUNS = 5, 50


def latency(model: Path, seed: int = 0) -> dict[str, Any]:
    """Times ``invoke()`` alone on one random example; returns milliseconds: every sample, mean, p50 and p90."""
    predictor = TFLitePredictor(model, threads=1)
    predictor.set_example(np.random.default_rng(seed).integers(0, 256, predictor.shape, np.uint8))
    invoke = predictor.interpreter.invoke
    for _ in range(WARM_UP):
        invoke()
    samples = []
    for _ in range(RUNS):
        start = time.perf_counter()
        invoke()
        samples.append((time.perf_counter() - start) * 1e3)
    return {"samples_ms": [round(sample, 4) for sample in samples], **statistics(samples)}


def statistics(samples: list[float]) -> dict[str, float]:
    """Mean, median and 90th percentile (linear interpolation) of the samples, in their unit, milliseconds."""
    return {
        "latency_ms_mean": round(float(np.mean(samples)), 4),
        "latency_ms_p50": round(float(np.percentile(samples, 50)), 4),
        "latency_ms_p90": round(float(np.percentile(samples, 90)), 4),
    }
