"""The headline of a run, and whether it reached what was asked of it."""

from collections.abc import Iterator
from typing import Any

from compress.report.format import megabytes, percent, three_digits
from compress.report.html.interval import difference, wilson
from compress.results import Metric, Run, StageResult

NEARLY = 0.005
"""How much less than the asked sparsity still counts as reached: rounding to int8 takes or adds some zeros."""


def headline(run: Run) -> list[dict[str, str]]:
    """What became smaller, faster and how much worse, from the first stage to the last: a title, a value, a note."""
    if not run.stages:
        return []
    first, last = run.stages[0], run.stages[-1]
    tiles = [_score(run, first, last), _size(first, last), _latency(first, last)]
    return [tile for tile in tiles if tile is not None]


def _score(run: Run, first: StageResult, last: StageResult) -> dict[str, str] | None:
    if not run.metrics or (got := last.metrics.get(run.first_metric.key)) is None:
        return None
    metric, had = run.first_metric, first.metrics.get(run.first_metric.key)
    note = ""
    if had is not None and first is not last:
        note = f"{points(metric, got - had)} against {metric.text(had)} of {first.name}"
    if run.data.test:
        note += f"{'; ' if note else ''}{metric.counted(got, run.data.test)} test images"
    return {"title": f"test {metric.title}", "value": metric.text(got), "note": note}


def _size(first: StageResult, last: StageResult) -> dict[str, str] | None:
    sizes = [shipped_bytes(stage) for stage in (first, last)]
    if sizes[1] is None:
        return None
    note = f"{three_digits(sizes[0] / sizes[1])} times smaller than {megabytes(sizes[0])}" if sizes[0] else ""
    return {"title": "size of the .tflite", "value": megabytes(sizes[1]), "note": note}


def _latency(first: StageResult, last: StageResult) -> dict[str, str] | None:
    if last.latency is None:
        return None
    got = last.latency.latency_ms_p50
    note = "median on this host, batch 1, one thread"
    if first.latency and got:
        had = first.latency.latency_ms_p50
        note = f"{three_digits(had / got)} times faster than {three_digits(had)} ms, {note}"
    return {"title": "latency", "value": f"{three_digits(got)} ms", "note": note}


def shipped_bytes(stage: StageResult) -> int | None:
    """The smaller of the dense and the sparse file: few zeros make the sparse one larger."""
    return min((size for size in (stage.tflite_bytes, stage.sparse_tflite_bytes) if size), default=None)


def points(metric: Metric, apart: float) -> str:
    """A difference of two values of a metric: per cents are apart by points."""
    if metric.unit == "%":
        return f"{metric.factor * apart:+.2f} points"
    return f"{metric.factor * apart:+.3g}{f' {metric.unit}' if metric.unit else ''}"


def certainty(run: Run) -> str:
    """What so many test images can tell; "" for a metric that is no share, or without a number of images."""
    metric, count = (run.first_metric if run.metrics else None), run.data.test
    last = run.stages[-1].metrics.get(metric.key) if metric and run.stages else None
    if metric is None or not metric.is_share or not count or last is None:
        return ""
    low, high = wilson(last, count)
    text = (
        f"{count:,} test images tell {metric.title} to about ±{100 * (high - low) / 2:.1f} points: the 95 % interval "
        f"of {metric.text(last)} is {percent(low)} to {percent(high)}."
    )
    had = run.stages[0].metrics.get(metric.key)
    if had is None or len(run.stages) < 2:
        return text
    low, high = difference(had, last, count)
    between = f"The difference to {run.stages[0].name} lies between {100 * low:+.1f} and {100 * high:+.1f} points"
    told = "so that these images cannot tell the two apart" if low <= 0 <= high else "so that it is no chance"
    return f"{text} {between}, {told}; as if of different images: of the same ones, the interval is narrower."


def goals(run: Run) -> list[dict[str, Any]]:
    """What was asked and what came of it: {"goal", "asked", "got", "met"}; ``met`` is None: it was not measured."""
    return [
        {"goal": goal, "asked": asked, "got": got, "met": met}
        for goal, asked, got, met in (*_of_stages(run), *_own(run))
    ]


def _of_stages(run: Run) -> Iterator[tuple[str, str, str, bool | None]]:
    for stage in run.stages:
        if (narrowing := stage.narrowing) is not None:
            change = {"latency": narrowing.predicted_ms, "parameters": narrowing.parameters, "flops": narrowing.macs}
            whole = narrowing.measured_ms if narrowing.target == "latency" else None
            of = whole or change.get(narrowing.target)
            left = of.after / of.before if of and of.before else None
            got = "not measured" if left is None else percent(left, 1)
            if whole and narrowing.predicted_ms and left is not None:
                predicted = narrowing.predicted_ms.after / narrowing.predicted_ms.before
                got += f", measured whole; {percent(predicted, 1)} by the sum of its operators"
            asked = f"at most {narrowing.asked:.0%} of the {narrowing.target}"
            # channels go in steps: half a per cent more is the nearest step
            yield f"{stage.name} leaves", asked, got, None if left is None else left <= narrowing.asked + NEARLY
        if (schedule := stage.sparsity_schedule) is not None:
            got_zeros = stage.kernel_sparsity
            yield (
                f"{stage.name} makes zeros",
                f"at least {percent(schedule.final_sparsity, 1)} of the kernels",
                "not measured" if got_zeros is None else percent(got_zeros, 1),
                None if got_zeros is None else got_zeros >= schedule.final_sparsity - NEARLY,
            )


def _own(run: Run) -> Iterator[tuple[str, str, str, bool | None]]:
    """The goals of the pipeline file, of the last stage."""
    if not run.stages or not run.goals:
        return
    first, last, wanted = run.stages[0], run.stages[-1], run.goals
    metric = run.first_metric if run.metrics else None
    if metric is not None:
        got, had = last.metrics.get(metric.key), first.metrics.get(metric.key)
        sign, word = (-1, "at most") if metric.better == "lower" else (1, "at least")
        if "score" in wanted:
            met = None if got is None else sign * got >= sign * wanted["score"]
            text = "not measured" if got is None else metric.text(got)
            yield f"test {metric.title}", f"{word} {metric.text(wanted['score'])}", text, met
        if "score_lost" in wanted:
            lost = None if got is None or had is None else sign * (had - got)
            text = "not measured" if lost is None else points(metric, -sign * lost)
            asked = f"at most {points(metric, wanted['score_lost']).lstrip('+')} worse than {first.name}"
            yield f"test {metric.title}", asked, text, None if lost is None else lost <= wanted["score_lost"]
    if "megabytes" in wanted:
        size = shipped_bytes(last)
        met = None if size is None else size <= 1e6 * wanted["megabytes"]
        got_text = "not measured" if size is None else megabytes(size)
        yield "size of the .tflite", f"at most {wanted['megabytes']:g} MB", got_text, met
    if "latency_ms" in wanted:
        took = last.latency.latency_ms_p50 if last.latency else None
        met = None if took is None else took <= wanted["latency_ms"]
        got_text = "not measured" if took is None else f"{three_digits(took)} ms"
        yield "median latency on this host", f"at most {wanted['latency_ms']:g} ms", got_text, met
