"""What is compared: pipelines and their changes, the paper's differences, and when one of ours bears one out."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.studies import Chain

LEARNERS = ("assistant8", "assistant6", "assistant4", "student")


@dataclass(frozen=True)
class Arm:
    """A pipeline, assistants-``pipeline``, and what is changed in it, by stage."""

    pipeline: str
    what: str
    changes: Mapping[str, Sequence[str]] = field(default_factory=dict)


def _all(change: str) -> dict[str, list[str]]:
    """The same for all who have several teachers."""
    return {stage: [change] for stage in LEARNERS[1:]}


ARMS = {
    "none": Arm("direct", "no distillation", {"student": ["distillation_loss_weight=0", "student_loss_weight=1"]}),
    "direct": Arm("direct", "the teacher alone"),
    "takd": Arm("takd", "each by the one before (TAKD)"),
    "dgkd": Arm("dgkd", "each by all before (DGKD), none left out", _all("drop_teachers=0")),
    "dgkd-drop": Arm("dgkd", "the same, one left out of each batch"),
    "ensemble-logits": Arm("ensemble", "the mean logits of all before"),
    "ensemble-probabilities": Arm("ensemble", "their mean probabilities", _all("combine=mean_probabilities")),
}

PAPER = (
    # one arm less another, points of student top-1 in the paper (read from its text)
    ("ensemble-logits", "takd", 3.0),
    ("ensemble-logits", "dgkd-drop", 0.0),
    ("dgkd-drop", "takd", 3.0),
    # the gradients of the two are the same but for the weight of distillation (docs/decisions/0014)
    ("ensemble-probabilities", "dgkd", None),
    ("takd", "direct", None),
)
READ_TO = 1.0  # points: "about 45 %"


def held(paper: float | None, points: Sequence[float]) -> str:
    """Whether differences, one a seed, bear out the paper's: beyond their deviation; or as good as none.

    >>> held(3.0, [1.0, 1.2]), held(3.0, [-1.0, 1.2]), held(None, [1.0])
    ('held', 'not shown', '')
    >>> held(0.0, [0.1, 0.2]), held(0.0, [-3.0, -3.1]), held(0.0, [3.0, 3.1])
    ('held', 'not shown', 'not shown')
    """
    if paper is None or len(points) < 2:
        return ""
    mean, deviation = statistics.mean(points), statistics.stdev(points)
    return "held" if (mean > deviation if paper > 0 else abs(mean) <= READ_TO) else "not shown"


def less(results: Sequence[Chain], arm_name: str, other: str) -> list[float]:
    """The student's top-1 in an arm less that in another, in points, for each seed of both."""
    top1 = {(each.arm, each.seed): 100 * each.student.top1 for each in results}
    return [
        top1[arm_name, seed] - top1[other, seed]
        for arm, seed in sorted(top1)
        if arm == arm_name and (other, seed) in top1
    ]
