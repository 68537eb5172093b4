"""The headline of a run, and what so many test images can tell of it."""

from compress.report.format import megabytes, percent, three_digits, times
from compress.report.goals import points, shipped_bytes
from compress.report.html.interval import difference, wilson
from compress.results import Run, StageResult


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
        note = f"{points(metric, got - had)} from {first.name}'s {metric.text(had)}"
    if run.data.test:
        note += f"{'; ' if note else ''}{metric.counted(got, run.data.test)} test images"
    return {"title": f"test {metric.title}", "value": metric.text(got), "note": note}


def _size(first: StageResult, last: StageResult) -> dict[str, str] | None:
    sizes = [shipped_bytes(stage) for stage in (first, last)]
    if sizes[1] is None:
        return None
    note = f"{times(sizes[0], sizes[1], 'smaller', 'larger')} than {megabytes(sizes[0])}" if sizes[0] else ""
    return {"title": "size of the .tflite", "value": megabytes(sizes[1]), "note": note}


def _latency(first: StageResult, last: StageResult) -> dict[str, str] | None:
    if last.latency is None:
        return None
    got = last.latency.latency_ms_p50
    note = "median on this host, batch 1, one thread"
    if first.latency and got:
        had = first.latency.latency_ms_p50
        note = f"{times(had, got, 'faster', 'slower')} than {three_digits(had)} ms; {note}"
    return {"title": "latency", "value": f"{three_digits(got)} ms", "note": note}


def certainty(run: Run) -> str:
    """What so many test images can tell; "" for a metric that is no share, or without a number of images."""
    metric, count = (run.first_metric if run.metrics else None), run.data.test
    last = run.stages[-1].metrics.get(metric.key) if metric and run.stages else None
    if metric is None or not metric.is_share or not count or last is None:
        return ""
    low, high = wilson(last, count)
    text = (
        f"{count:,} test images measure {metric.title} to about ±{100 * (high - low) / 2:.1f} points: the 95 % "
        f"interval of {metric.text(last)} is {percent(low)} to {percent(high)}."
    )
    had = run.stages[0].metrics.get(metric.key)
    if had is None or len(run.stages) < 2:
        return text
    low, high = difference(had, last, count)
    told = (
        "Chance alone may explain it: these images cannot tell the two stages apart."
        if low <= 0 <= high
        else "The difference is larger than chance explains."
    )
    return (
        f"{text} The difference from {run.stages[0].name} lies between {100 * low:+.1f} and {100 * high:+.1f} points. "
        f"{told} The interval assumes two independent test sets; on the same images the true one is narrower."
    )
