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


def minutes(runs: Sequence[Run]) -> str:
    """How long the runs took, in words: "4.5 to 4.8 minutes on 2 cores"."""
    each = [run.seconds["wall"] / 60 for run in runs]
    return f"{min(each):.1f} to {max(each):.1f} minutes on {runs[0].machine['cores']} cores"


def section(runs: Sequence[Run]) -> str:
    """Markdown: the table, and what was measured where."""
    lines = ["| after this stage | top-1 | sparse .tflite | gzip | latency, host |", "|---|--:|--:|--:|--:|"]
    for name, title in STEPS.items():
        top1, megabytes, gzip, latency = (mean(runs, name, value) for value in VALUES)
        lines.append(f"| {title} | {top1:.1%} | {megabytes:.2f} MB | {gzip:.2f} MB | {latency:.2f} ms |")
    first: Any = runs[0]
    seeds = ", ".join(str(run.seed) for run in runs)
    smaller, faster = (mean(runs, "teacher", key) / mean(runs, "exported", key) for key in ("megabytes", "latency"))
    low, high = wilson(mean(runs, "exported", "top1"), first.data.test)
    note = (
        f"{smaller:.0f} times smaller and {faster:.0f} times faster than the teacher: `{first.pipeline}` on "
        f"scikit-learn's handwritten digits at {first.data.shape[0]}x{first.data.shape[1]}, mean of seeds {seeds}. The "
        f"last top-1 has a 95 % interval of {low:.1%} to {high:.1%}: there are only {first.data.test} test images, "
        "which no training and no decision inside a run sees. Sizes are those of the file that stores zeros compactly; "
        f"MB are 10^6 bytes. Latency is that of one thread of the host's processor ({first.machine['cpu']}), batch 1, "
        f"and never a board's. A run took {minutes(runs)}."
    )
    return "\n".join([*lines, "", note])
