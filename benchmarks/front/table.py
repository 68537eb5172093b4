"""The README's table: the main chain, a row a stage, the mean over the seeds."""

import statistics
from collections.abc import Callable, Sequence
from typing import Any

from compress.report.html.interval import wilson
from compress.results import Run

STEPS = {
    "teacher": "DenseNet201",
    "distilled": "DenseNet121, distilled",
    "narrowed": "channels removed",
    "pruned": "pruned",
    "exported": "int8",
}
# of a stage's result; the picture shows the same
VALUES: dict[str, Callable[[Any], float]] = {
    "top1": lambda stage: stage.metrics["top1"],
    "megabytes": lambda stage: stage.sparse_tflite_bytes / 1e6,
    "gzip": lambda stage: stage.gzip_bytes / 1e6,
    "latency": lambda stage: stage.latency.latency_ms_p50,
}


def mean(runs: Sequence[Run], stage: str, value: str) -> float:
    """One of VALUES of a stage, over the seeds."""
    return statistics.mean(VALUES[value](run.stage(stage)) for run in runs)


def section(runs: Sequence[Run]) -> str:
    """Markdown: the table, and what was measured where."""
    lines = ["| after this stage | top-1 | .tflite | gzip | latency, host |", "|---|--:|--:|--:|--:|"]
    for name, title in STEPS.items():
        top1, megabytes, gzip, latency = (mean(runs, name, value) for value in VALUES)
        lines.append(f"| {title} | {top1:.1%} | {megabytes:.2f} MB | {gzip:.2f} MB | {latency:.2f} ms |")
    first: Any = runs[0]
    seeds = ", ".join(str(run.seed) for run in runs)
    smaller, faster = (mean(runs, "teacher", key) / mean(runs, "exported", key) for key in ("megabytes", "latency"))
    low, high = wilson(mean(runs, "exported", "top1"), first.data.test)
    note = (
        f"{smaller:.0f} times smaller and {faster:.0f} times faster than the teacher: `{first.pipeline}` on "
        f"scikit-learn's handwritten digits at {first.data.shape[0]}x{first.data.shape[1]}, mean of seeds {seeds}. Of "
        f"{first.data.test} test images, which nothing else sees, the last top-1 lies between {low:.1%} and "
        f"{high:.1%} (95 % interval). Sizes are of the file that stores zeros compactly; MB are 10^6 bytes. The host "
        f"is {first.machine['cpu']}, one thread, batch 1: no board."
    )
    return "\n".join([*lines, "", note])
