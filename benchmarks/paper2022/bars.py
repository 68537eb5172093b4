"""The goals, from the raw results."""

from collections.abc import Callable

from benchmarks.format import spread
from benchmarks.paper2022 import latency, paper
from benchmarks.paper2022.results import MISSING, Measured, difference, file_bytes, mean_top1
from benchmarks.paper2022.table import table, taught_ratio
from benchmarks.peers.pairs import typical

NOTE = "The goals are this project's own; the paper's figure is in brackets. A row without a goal is there to compare."
Bar = tuple[str, str, str]
"""What, the goal, what was measured."""


def section(measured: Measured) -> list[str]:
    """Markdown lines."""
    rows = [row for bar in BARS for row in bar(measured)]
    return ["## Goals", "", NOTE, "", *table(["what", "goal", "measured"], rows, of_words=True)]


def so_far(measured: Measured) -> str:
    """How many of the goals are measured."""
    told = [words for bar in BARS for _, goal, words in bar(measured) if goal]
    return f"**Measured so far:** {len(told) - told.count(MISSING)} of {len(told)} goals."


def final_student(measured: Measured) -> list[Bar]:
    what = "int8 student at 80 % sparsity, top-1 against the distilled float student with as many further epochs"
    runs = measured.table("8")
    points = difference(runs, "quantized", "further_2").text if runs else MISSING
    return [(what, "at least -1.0 point", points)]


def recipe(measured: Measured) -> list[Bar]:
    runs = measured.table("recipe")
    what = (
        "ResNet-20, distilled, narrowed to 0.6 of the latency, 80 % sparse, int8, against ResNet-20 by itself in float"
    )
    alone, longer = (
        difference(runs, "quantized", other).text if runs else MISSING for other in ("student", "student_further")
    )
    teacher = mean_top1(runs, "teacher") + " %" if runs else MISSING
    return [
        (what, "at least -1.0 point", alone),
        ("the same against ResNet-20 by itself with as many epochs in all", "", longer),
        ("its teacher, ResNet-56, top-1", "at least 88 %", teacher),
    ]


def sizes(measured: Measured) -> list[Bar]:
    """Files at 224x224 within 5 % of the paper's figure."""
    bars = []
    for network, rows in (("densenet201", paper.TABLE_3), ("densenet121", paper.TABLE_6)):
        found = {zeros: measured.size(network, "float32", zeros) for zeros in rows}
        sizes = {zeros: each.sparse_bytes / 1e6 for zeros, each in found.items() if each is not None}
        apart = {zeros: size / rows[zeros].mb - 1 for zeros, size in sizes.items()}
        close = sum(abs(value) <= 0.05 for value in apart.values())
        told = f"{close} of {len(apart)}" if apart else MISSING
        if apart:
            farthest = max(apart, key=lambda zeros: abs(apart[zeros]))
            told += f"; the farthest at {100 * farthest:g}% zeros, {apart[farthest]:+.1%}"
        bars.append((f"sparse .tflite of {network} at 224, rows within 5 % of the paper's MB", "all", told))
    return bars


def smaller_and_faster(measured: Measured) -> list[Bar]:
    runs = measured.table("8")
    words = "teacher float32 / narrowed student, 80 % sparse, int8"
    ratios = {
        "bytes of the sparse files": ("at least 45 (the paper: 15.2)", lambda stage: file_bytes(stage)),
        "bytes of both under gzip": ("at least 80", lambda stage: stage.gzip_bytes or 0),
    }
    bars = []
    for what, (bar, size) in ratios.items():
        values = [size(run.stage("teacher")) / size(run.stage("narrowed_quantized")) for run in runs]
        bars.append((f"{words}: {what}", bar, spread(values, ".1f") if values else MISSING))
    times = [
        typical(each.rounds, latency.TEACHER) / typical(each.rounds, latency.NARROWED)
        for each in measured.timed(latency.NARROWED, 224)
    ]
    told = f"{spread(times, '.1f')} ({measured.timed_seeds(latency.NARROWED)})" if times else MISSING
    return [*bars, (f"{words}: latency at 224x224, in turns", "at least 14 (the paper: 2.55)", told)]


def epoch(measured: Measured) -> list[Bar]:
    told = [
        f"{taught_ratio(measured, one, other):.2f}" if measured.epochs else MISSING
        for one, other in (("cached", "plain"), ("augmented", "plain_augmented"))
    ]
    what = "time of a distillation epoch / a plain epoch of the student"
    return [
        (f"{what}, teacher's outputs kept", "at most 1.15", told[0]),
        (f"{what}, teacher run on augmented images", "", told[1]),
    ]


BARS: tuple[Callable[[Measured], list[Bar]], ...] = (final_student, recipe, sizes, smaller_and_faster, epoch)
