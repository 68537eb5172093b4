"""The section on chains of assistants in RESULTS.md, from results/assistants/*.json."""

import statistics
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from benchmarks.assistants import findings
from benchmarks.assistants.arms import ARMS, LEARNERS, PAPER, held, less
from benchmarks.format import spread
from benchmarks.studies import CachedEpochs, Chain, of_kind

NOTE = (
    "The student is a plain CNN of two convolutions, its teacher one of ten, assistants have 8, 6 and 4 "
    "(`pipelines/assistants-*.toml`: Adam, a cosine from 0.001, temperature 5, weights 0.9 and 0.1). Top-1 on the test "
    "images: mean and standard deviation over the seeds."
)
PAPER_NOTE = (
    "The paper on ensembles for chains of assistants tells of about 42 % for TAKD, 45 % for DGKD and for its ensemble, "
    "and names neither data nor epochs. What can stand beside ours are the differences, in points:"
)


def wrong_in_common(wrong: Sequence[np.ndarray]) -> list[float]:
    """Of what each network but the first gets wrong, the share that the one before it got wrong, too.

    ``wrong``: bool (images,) a network, in the order of the chain. Son et al. (2021) call this the error avalanche.
    """
    return [float((before & current).sum() / max(current.sum(), 1)) for before, current in pairwise(wrong)]


def section(studies: Sequence[Chain | CachedEpochs]) -> list[str]:
    """Markdown lines; none without results."""
    epoch = [line for cached in of_kind(studies, CachedEpochs) for line in _epoch(cached)]
    results = of_kind(studies, Chain)
    if not results:
        return epoch
    images, epochs = results[0].images, results[0].epochs
    data = f"CIFAR-10: {images.train:,} training and {images.test:,} test images, {epochs} epochs a network. "
    lines = [
        "## Chains of teacher assistants",
        "",
        data + NOTE,
        "",
        "| taught by | seeds | student top-1 | against no distillation | assistants 8, 6, 4 | student's ECE | "
        "wrong in common with the one before: 8, 6, 4, 2 |",
        "|---|--:|--:|--:|---|--:|---|",
    ]
    for name, arm in ARMS.items():
        of_arm = [result for result in results if result.arm == name]
        if of_arm:
            gains = less(results, name, "none") if name != "none" else []
            lines.append(f"| {' | '.join([arm.what, *_cells(of_arm, gains)])} |")
    pictures = ["![student's top-1 by arm; errors handed on](plots/assistants.png)", ""]
    return [*lines, "", *pictures, *_beside_the_paper(results), *epoch]


def _beside_the_paper(results: Sequence[Chain]) -> list[str]:
    lines = ["| the student of | less that of | paper | ours | direction |", "|---|---|--:|--:|---|"]
    for better, worse, paper in PAPER:
        if points := less(results, better, worse):
            said = "" if paper is None else f"{paper:+.0f}"
            cells = [ARMS[better].what, ARMS[worse].what, said, spread(points, "+.2f"), held(paper, points)]
            lines.append(f"| {' | '.join(cells)} |")
    return [PAPER_NOTE, "", *lines, "", *findings.section(results)] if len(lines) > 2 else []


def _epoch(result: CachedEpochs) -> list[str]:
    ratios = sorted(both.cached / both.none for both in result.rounds)
    what = f"an epoch of the student with {result.teachers} cached teachers / with none"
    measured = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    return [
        "| what | bar | measured |",
        "|---|---|--:|",
        f"| {what}, median of {len(ratios)} pairs | at most 1.15 | {measured} |",
        "",
    ]


def _cells(of_arm: Sequence[Chain], gains: Sequence[float]) -> list[str]:
    names = [stage.name for stage in of_arm[0].stages]
    middle = [spread([100 * result.stage(name).top1 for result in of_arm]) for name in LEARNERS[:-1] if name in names]
    errors = [result.student.ece for result in of_arm]
    shared = [statistics.mean(column) for column in zip(*(result.wrong_in_common for result in of_arm), strict=True)]
    return [
        str(len(of_arm)),
        spread([100 * result.student.top1 for result in of_arm]),
        spread(gains, "+.2f") if gains else "",
        ", ".join(middle),
        "" if None in errors else f"{statistics.mean(error for error in errors if error is not None):.3f}",
        ", ".join(f"{share:.2f}" for share in shared),
    ]
