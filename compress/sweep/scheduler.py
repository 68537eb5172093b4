"""Which point comes next, and how long all of them will take."""

from collections.abc import Callable, Sequence

from compress.results import Run
from compress.sweep.plan import Planned

Has = Callable[[str], bool]
"""Whether the artifact of a key is in the store."""


def next_point(waiting: Sequence[Planned], running: Sequence[Planned], has: Has) -> Planned | None:
    """The point to start now: of those whose first missing stage nobody is making, the one that shares least with
    the running ones; the earliest of equals. None if each would begin by waiting for a running one.
    """
    claimed = {key for point in running for key in point.keys if not has(key)}
    best, least = None, len(claimed) + 1
    for point in waiting:
        lacks = [key for key in point.keys if not has(key)]
        shared = sum(key in claimed for key in lacks)
        if shared < least and not (lacks and lacks[0] in claimed):
            best, least = point, shared
    return best


def seconds_left(left: Sequence[Planned], has: Has, done: Sequence[Run], at_once: int) -> float | None:
    """Wall seconds until all points that are ``left`` are made, ``at_once`` of them side by side.

    Each missing stage counts once, with the mean of what stages of its name took in the ``done`` points' results; one
    that is being made counts whole. None where a stage is missing that no result tells of.
    """
    took: dict[str, list[float]] = {}
    for run in done:
        for stage in run.stages:
            took.setdefault(stage.name, []).append(sum((stage.seconds or {}).values()))
    missing = {step.key: step.stage.name for point in left for step in point.plan.steps if not has(step.key)}
    if not set(missing.values()) <= set(took):
        return None
    return sum(sum(took[name]) / len(took[name]) for name in missing.values()) / max(1, min(at_once, len(left)))
