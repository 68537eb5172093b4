"""The README's table: the main chain, a row a stage, the mean over the seeds."""

import math
import statistics
from collections.abc import Callable, Sequence
from typing import Any

from compress.results import Run

STEPS = {
    "teacher": "DenseNet201",
    "distilled": "DenseNet121, distilled",
    "narrowed": "channels removed",
    "pruned": "85 % zeros",
    "exported": "int8",
}


def section(runs: Sequence[Run]) -> str:
    """Markdown: the table, and what was measured where."""

    def mean(name: str, value: Callable[[Any], float]) -> float:
        return statistics.mean(value(run.stage(name)) for run in runs)

    lines = ["| after this stage | top-1 | .tflite | gzip | latency, host |", "|---|--:|--:|--:|--:|"]
    for name, title in STEPS.items():
        lines.append(
            f"| {title} | {mean(name, lambda stage: stage.metrics['top1']):.1%} | "
            f"{mean(name, lambda stage: stage.sparse_tflite_bytes) / 1e6:.2f} MB | "
            f"{mean(name, lambda stage: stage.gzip_bytes) / 1e6:.2f} MB | "
            f"{mean(name, lambda stage: stage.latency.latency_ms_p50):.2f} ms |"
        )
    first: Any = runs[0]
    seeds = ", ".join(str(run.seed) for run in runs)
    size = mean("teacher", lambda stage: stage.tflite_bytes) / mean("exported", lambda stage: stage.sparse_tflite_bytes)
    time = mean("teacher", lambda stage: stage.latency.latency_ms_p50) / mean(
        "exported", lambda stage: stage.latency.latency_ms_p50
    )
    top1, test = mean("exported", lambda stage: stage.metrics["top1"]), first.data.test
    certain = 196 * math.sqrt(top1 * (1 - top1) / test)
    note = (
        f"{size:.0f} times smaller and {time:.0f} times faster than the teacher: `{first.pipeline}` on scikit-learn's "
        f"handwritten digits at {first.data.shape[0]}x{first.data.shape[1]}, mean of seeds {seeds}. Of {test} test "
        f"images, which nothing else sees, a top-1 is certain to ±{certain:.1f} points. Sizes are of the file that "
        f"stores zeros compactly; MB are 10^6 bytes. The host is {first.machine['cpu']}, one thread, batch 1: no board."
    )
    return "\n".join([*lines, "", note])
