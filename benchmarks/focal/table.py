"""The section on focal calibration in RESULTS.md, from results/focal/*.json."""

import statistics
from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.format import spread
from benchmarks.studies import FocalPoint, FocalStudy

METRICS = ("top1", "nll", "brier", "ece", "ece_scaled", "temperature")
SHOWN = {
    "top1": ("top-1, %", 100, 2),
    "nll": ("negative log-likelihood", 1, 3),
    "ece": ("expected calibration error, %", 100, 2),
}
PAPER_NOTE = (
    "Kang, Lee and Lee, whose grid this is (ResNets and ShuffleNet on CIFAR-100), show the total loss over it and read "
    "a benefit from its fall; they give the accuracy of the students alone (67.51 % and 71.67 %), of none that was "
    "distilled, and no measure of calibration. At a checkpoint a total with a larger weight of a term that is never "
    "negative cannot be smaller, so that losses of two weights cannot be compared: what can be are top-1, likelihood "
    "and calibration."
)
SECTIONS = ("grid", "useful", "sure")


def effects(points: Sequence[FocalPoint], metric: str) -> tuple[float, float, float]:
    """What the teacher weight and the focal weight do to a metric over their whole range, and the rest's deviation.

    Least squares of ``metric = a + b * teacher + c * focal`` over the points.
    """
    weights = np.array([[point.teacher, point.focal] for point in points])
    values = np.array([getattr(point, metric) for point in points])
    design = np.column_stack([np.ones(len(values)), weights])
    slopes = np.linalg.lstsq(design, values, rcond=None)[0]
    teacher, focal = slopes[1:] * np.ptp(weights, axis=0)
    return float(teacher), float(focal), float(np.std(values - design @ slopes, ddof=3))


def section(results: Sequence[FocalStudy]) -> list[str]:
    """Markdown lines; none without results."""
    lines = ["## Teacher weight and focal weight", ""] if results else []
    for study in sorted(results, key=lambda result: SECTIONS.index(result.grid)):
        lines += {"grid": _grid, "useful": _useful, "sure": _sure}[study.grid](study)
    return lines + in_words({study.grid: study.points for study in results})


def in_words(points: Mapping[str, Sequence[FocalPoint]]) -> list[str]:
    """What held of the paper and what did not; ``points`` by grid, of which all are needed."""
    if set(points) != set(SECTIONS):
        return []
    top1, ece = ([100 * value for value in effects(points["grid"], metric)] for metric in ("top1", "ece"))
    common = min(max(point.focal for point in points[name]) for name in ("useful", "sure"))

    def moved_by(name: str, metric: str) -> str:
        return spread([100 * change for change in changes(points[name], common, metric)], "+.1f")

    def sureness(name: str) -> str:
        return f"{statistics.mean(unfocused_temperatures(points[name])):.2f}"

    return [
        "In words:",
        "",
        f"- The paper's grid: from end to end the teacher's weight moves top-1 by {top1[0]:+.2f} points and the focal "
        f"weight by {top1[1]:+.2f}, beside a noise of {top1[2]:.2f}; the calibration error by {ece[0]:+.2f} and "
        f"{ece[1]:+.2f}, beside {ece[2]:.2f}. An effect of the focal loss there is "
        f"{'not to be seen' if abs(ece[1]) <= 2 * ece[2] and abs(top1[1]) <= 2 * top1[2] else 'to be seen'}.",
        f"- The focal loss makes a network less sure of itself. At a weight of {common:g} it moves the calibration "
        f"error by {moved_by('useful', 'ece')} points where the fitted temperature was {sureness('useful')}, "
        f"by {moved_by('sure', 'ece')} where it was {sureness('sure')}; "
        f"and top-1 by {moved_by('useful', 'top1')} and {moved_by('sure', 'top1')}.",
        "",
    ]


def _about(study: FocalStudy) -> str:
    images, before = study.images, study.before
    teacher, common = (
        statistics.mean(network.top1 for network in networks if network)
        for networks in ([each.teacher for each in before], [each.common for each in before])
    )
    return (
        f"CIFAR-10, {images.train:,} training and {images.test:,} test images; a ResNet-20 of {teacher:.1%} "
        f"teaches a ResNet-8 on from a checkpoint of {common:.1%} (`benchmarks/focal/{study.grid}.toml`)."
    )


def changes(points: Sequence[FocalPoint], focal: float, metric: str) -> list[float]:
    """What a focal weight does to a metric: less that of weight 0, for each seed and teacher weight."""
    without = {(point.seed, point.teacher): point for point in points if point.focal == 0}
    pairs = [(point, without.get((point.seed, point.teacher))) for point in points if point.focal == focal]
    values = [(getattr(point, metric), getattr(base, metric)) for point, base in pairs if base]
    return [
        with_focal - without_focal for with_focal, without_focal in values if None not in (with_focal, without_focal)
    ]


def unfocused_temperatures(points: Sequence[FocalPoint]) -> list[float]:
    """The fitted temperatures without the focal loss, where one could be fitted."""
    return [point.temperature for point in points if point.focal == 0 and point.temperature is not None]


def _changes(points: Sequence[FocalPoint]) -> list[str]:
    """A row a focal weight, and where the networks without it stand, which says what to make of it."""
    before = unfocused_temperatures(points)
    lines = [
        "What the focal loss does, less the same network without it. A fitted temperature above 1 is that of a network "
        f"that is too sure; without the focal loss it is {spread(before, '.2f')} here ({min(before):.2f} to "
        f"{max(before):.2f}).",
        "",
        "| focal weight | top-1, points | negative log-likelihood | calibration error, points | it fell in | "
        "fitted temperature |",
        "|--:|--:|--:|--:|--:|--:|",
    ]
    for focal in sorted({point.focal for point in points} - {0}):
        changed = {metric: changes(points, focal, metric) for metric in ("top1", "nll", "ece", "temperature")}
        fell = sum(change < 0 for change in changed["ece"])
        cells = [
            spread([100 * change for change in changed["top1"]], "+.2f"),
            spread(changed["nll"], "+.3f"),
            spread([100 * change for change in changed["ece"]], "+.2f"),
            f"{fell} of {len(changed['ece'])}",
            spread(changed["temperature"], "+.3f"),
        ]
        lines.append(f"| {focal:g} | {' | '.join(cells)} |")
    return [*lines, ""]


def _sure(study: FocalStudy) -> list[str]:
    images, points = study.images, study.points
    seeds = len({point.seed for point in points})
    about = (
        f"A ResNet-20 that learns {images.train:,} images of CIFAR-10 from labels alone, {seeds} seeds "
        "(`benchmarks/focal/sure.toml`)."
    )
    return [about, "", *_changes(points), *_pictures(study)]


def _pictures(study: FocalStudy) -> list[str]:
    return [" ".join(f"![{SHOWN[metric][0]}](plots/focal-{study.grid}-{metric}.png)" for metric in SHOWN), ""]


def _grid(study: FocalStudy) -> list[str]:
    points = study.points
    lines = [
        f"The paper's grid, {len(points)} combinations. {_about(study)}",
        "",
        "| metric | least to most | teacher weight, 0 to 0.1 | focal weight, 0 to 0.01 | rest (deviation) | moved by |",
        "|---|--:|--:|--:|--:|---|",
    ]
    for metric, (what, times, digits) in SHOWN.items():
        values = [times * getattr(point, metric) for point in points]
        teacher, focal, rest = (times * value for value in effects(points, metric))
        lines.append(
            f"| {what} | {min(values):.{digits}f} to {max(values):.{digits}f} | {teacher:+.{digits}f} | "
            f"{focal:+.{digits}f} | {rest:.{digits}f} | {moved(teacher, focal, rest)} |"
        )
    return [*lines, "", PAPER_NOTE, "", *_pictures(study)]


def moved(teacher: float, focal: float, rest: float) -> str:
    """Which of the two weights moves a metric by more than twice what neither explains.

    >>> moved(-0.7, 0.05, 0.1), moved(0.1, 0.1, 0.1), moved(1, -1, 0.1)
    ('teacher weight', 'neither', 'teacher weight, focal weight')
    """
    effects = {"teacher weight": teacher, "focal weight": focal}
    return ", ".join(name for name, effect in effects.items() if abs(effect) > 2 * rest) or "neither"


def _useful(study: FocalStudy) -> list[str]:
    points = study.points
    seeds = len(study.before)
    lines = [
        f"Weights large enough to matter, {seeds} seeds, mean and standard deviation. {_about(study)}",
        "",
        "| teacher weight | focal weight | "
        + " | ".join(what for what, _, _ in SHOWN.values())
        + " | the same, temperature fitted |",
        "|--:|--:|" + "--:|" * (len(SHOWN) + 1),
    ]
    for teacher, focal in sorted({(point.teacher, point.focal) for point in points}):
        alike = [point for point in points if (point.teacher, point.focal) == (teacher, focal)]
        cells = [
            spread([times * getattr(point, metric) for point in alike], f".{digits}f")
            for metric, (_, times, digits) in SHOWN.items()
        ]
        scaled = spread([100 * point.ece_scaled for point in alike if point.ece_scaled is not None])
        lines.append(f"| {teacher:g} | {focal:g} | {' | '.join([*cells, scaled])} |")
    return [*lines, "", *_changes(points), *_pictures(study)]
