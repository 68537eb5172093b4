"""What held and what did not, in words whose every number and name comes from the results."""

import statistics
from collections.abc import Callable, Sequence

from benchmarks.assistants.arms import ARMS, PAPER, held, less
from benchmarks.format import spread
from benchmarks.studies import Chain, Learner

TAUGHT = tuple(arm for arm in ARMS if arm != "none")


def section(results: Sequence[Chain]) -> list[str]:
    """Markdown lines; none without a seed of all arms."""
    seeds = [{result.seed for result in results if result.arm == arm} for arm in ARMS]
    if not set.intersection(*seeds):
        return []
    said = (_gains(results), _best(results), _distances(results), _calibration(results), _avalanche(results))
    return ["In words:", "", *(f"- {sentence}" for sentence in said), ""]


def times_chance(result: Chain) -> float:
    """The share of the student's errors that the network before it made, over that one's share of wrong answers.

    1 if the two err independently of each other.
    """
    return result.wrong_in_common[-1] / (1 - result.stages[-2].top1)


def _gains(results: Sequence[Chain]) -> str:
    gains = {arm: less(results, arm, "none") for arm in TAUGHT}
    helped = [arm for arm in TAUGHT if held(1.0, gains[arm]) == "held"]
    rest = [f"{arm} ({spread(gains[arm], '+.2f')})" for arm in TAUGHT if arm not in helped]
    return (
        "Better than no distillation by more than the deviation of the difference: "
        f"{', '.join(helped) or 'none'}; that is not shown for: {', '.join(rest) or 'none'}."
    )


def _best(results: Sequence[Chain]) -> str:
    chains = [arm for arm in TAUGHT if arm != "direct"]
    best = max(chains, key=lambda arm: statistics.mean(less(results, arm, "none")))
    return (
        f"The best chain, {best}, gains {spread(less(results, best, 'none'), '+.2f')} points over no distillation and "
        f"{spread(less(results, best, 'direct'), '+.2f')} over the teacher alone."
    )


def _distances(results: Sequence[Chain]) -> str:
    apart = [(better, worse, paper) for better, worse, paper in PAPER if paper]
    ours = [f"{statistics.mean(less(results, better, worse)):.1f}" for better, worse, _ in apart]
    theirs = [f"{paper:g}" for *_, paper in apart]
    return f"Where the paper has {' and '.join(theirs)} points, ours are {' and '.join(ours)}."


def _calibration(results: Sequence[Chain]) -> str:
    def of(arm: str, error: Callable[[Learner], float | None]) -> float:
        errors = [error(result.student) for result in results if result.arm == arm]
        return 100 * statistics.mean(value for value in errors if value is not None)

    def beside(error: Callable[[Learner], float | None]) -> str:
        values = [of(arm, error) for arm in TAUGHT]
        return f"{min(values):.1f} to {max(values):.1f} % distilled, {of('none', error):.1f} % not"

    error, scaled_error = beside(lambda student: student.ece), beside(lambda student: student.ece_scaled)
    return (
        f"The student's expected calibration error: {error}; with a temperature fitted on the validation "
        f"images: {scaled_error}."
    )


def _avalanche(results: Sequence[Chain]) -> str:
    def times(arm: str) -> str:
        return f"{statistics.mean(times_chance(result) for result in results if result.arm == arm):.2f} times"

    return (
        "The error avalanche: the student errs more often than by chance where the assistant of four convolutions did, "
        f"{times('takd')} in TAKD and {times('dgkd')} in DGKD; and where the teacher did, {times('direct')} taught by "
        f"it alone and {times('none')} taught by nobody. The last is what images do that are hard for all."
    )
