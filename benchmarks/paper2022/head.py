"""The paragraph above a table: data, seeds, and how the stages were trained."""

from collections.abc import Sequence

from benchmarks.trained import settings_of, trained
from compress.results import Run


def head(runs: Sequence[Run]) -> str:
    """Of the runs of a table, which have the same data."""
    data, seeds = runs[0].data, sorted({run.seed or 0 for run in runs})
    shape = "x".join(map(str, data.shape[:2]))
    changes = settings_of(runs[0], "data").get("augmentation")
    return (
        f"{data.train:,} training and {data.test:,} test images of {data.name} at {shape}, "
        f"{'augmented' if changes else 'never augmented'}; seed{'s' if len(seeds) > 1 else ''} "
        f"{', '.join(map(str, seeds))}. {trained(runs)}"
    )
