"""What was asked of a run, whether it was reached, and the sentence that says so."""

from collections.abc import Iterator
from dataclasses import dataclass

from compress.report.format import megabytes, percent, three_digits
from compress.results import Metric, Narrowing, Run, StageResult

NEARLY = 0.005
"""How much a fraction may miss what was asked: channels go in steps, and rounding to int8 takes or adds some zeros."""


@dataclass(frozen=True)
class Goal:
    """One goal as text; ``met`` is None where it was not measured."""

    goal: str
    asked: str
    got: str
    met: bool | None
    note: str = ""


def goals(run: Run) -> list[Goal]:
    """Those of the stages, then those of the pipeline file."""
    return [*_of_stages(run), *_of_file(run)]


def verdict(run: Run) -> str:
    """How many goals were reached, and which were not; "" where none was stated.

    Such as "3 of 4 goals reached; missed: latency (2.10 ms, at most 1.5 ms asked)".
    """
    found = goals(run)
    if not found:
        return ""
    count = sum(goal.met is True for goal in found)
    if len(found) == 1:
        text = "The goal was reached" if count else "The goal was not reached"
    else:
        text = f"{f'All {count}' if count == len(found) else f'{count} of {len(found)}'} goals reached"
    missed = [f"{goal.goal} ({goal.got}, {goal.asked} asked)" for goal in found if goal.met is False]
    unknown = [goal.goal for goal in found if goal.met is None]
    for word, names in (("missed", missed), ("not measured", unknown)):
        text += f"; {word}: {', '.join(names)}" if names else ""
    return f"{text}."


def shipped_bytes(stage: StageResult) -> int | None:
    """The smaller of the dense and the sparse file: few zeros make the sparse one larger."""
    return min((size for size in (stage.tflite_bytes, stage.sparse_tflite_bytes) if size), default=None)


def points(metric: Metric, apart: float) -> str:
    """A difference of two values of a metric: per cents are apart by points."""
    if metric.unit == "%":
        return f"{metric.factor * apart:+.2f} points"
    return f"{metric.factor * apart:+.3g}{f' {metric.unit}' if metric.unit else ''}"


def _goal(goal: str, asked: str, got: str | None, met: bool, note: str = "") -> Goal:
    return Goal(goal, asked, "not measured", None) if got is None else Goal(goal, asked, got, met, note)


def _of_stages(run: Run) -> Iterator[Goal]:
    """What narrow and prune stages were to reach."""
    for stage in run.stages:
        if stage.narrowing is not None:
            yield _of_narrowing(stage.name, stage.narrowing)
        if (schedule := stage.sparsity_schedule) is not None:
            zeros, asked = stage.kernel_sparsity, schedule.final_sparsity
            got = None if zeros is None else percent(zeros, 1)
            met = zeros is not None and zeros >= asked - NEARLY
            yield _goal(f"zeros in the kernels of {stage.name}", f"at least {percent(asked, 1)}", got, met)


def _of_narrowing(name: str, narrowing: Narrowing) -> Goal:
    """Judged by the whole file's latency where that was measured, not by the sum of its operators."""
    change = {"latency": narrowing.predicted_ms, "parameters": narrowing.parameters, "flops": narrowing.macs}
    whole = narrowing.measured_ms if narrowing.target == "latency" else None
    judged = whole or change.get(narrowing.target)
    left = judged.after / judged.before if judged and judged.before else None
    note, predicted = "", narrowing.predicted_ms
    if whole and predicted and predicted.before:
        note = f"of the whole file; {percent(predicted.after / predicted.before, 1)} by the sum of its operators"
    met = left is not None and left <= narrowing.asked + NEARLY
    got = None if left is None else percent(left, 1)
    return _goal(f"{narrowing.target} left after {name}", f"at most {percent(narrowing.asked, 0)}", got, met, note)


def _of_file(run: Run) -> Iterator[Goal]:
    """What [report] goals ask of the last stage."""
    if not run.stages or not run.goals:
        return
    first, last, wanted = run.stages[0], run.stages[-1], run.goals
    metric = run.first_metric if run.metrics else None
    if metric is not None:
        score, before = last.metrics.get(metric.key), first.metrics.get(metric.key)
        sign, word = (-1, "at most") if metric.better == "lower" else (1, "at least")
        if "score" in wanted:
            got = None if score is None else metric.text(score)
            met = score is not None and sign * score >= sign * wanted["score"]
            yield _goal(f"test {metric.title}", f"{word} {metric.text(wanted['score'])}", got, met)
        if "score_lost" in wanted:
            lost = None if score is None or before is None else sign * (before - score)
            got = None if lost is None else points(metric, -sign * lost)
            asked = f"at most {points(metric, wanted['score_lost']).lstrip('+')} worse"
            met = lost is not None and lost <= wanted["score_lost"]
            yield _goal(f"test {metric.title} against {first.name}", asked, got, met)
    if "megabytes" in wanted:
        size = shipped_bytes(last)
        got = None if size is None else megabytes(size)
        met = size is not None and size <= 1e6 * wanted["megabytes"]
        yield _goal("size of the .tflite", f"at most {wanted['megabytes']:g} MB", got, met)
    if "latency_ms" in wanted:
        took = last.latency.latency_ms_p50 if last.latency else None
        got = None if took is None else f"{three_digits(took)} ms"
        met = took is not None and took <= wanted["latency_ms"]
        yield _goal("median latency on this host", f"at most {wanted['latency_ms']:g} ms", got, met)
