"""Detection: average precision as VOC and as COCO define it, and what a threshold of confidence gives.

Detections are matched as in COCO's own program: from the surest to the least, each with the true box of its class and
image that it overlaps most, among those not taken. VOC's program differs where a detection overlaps two true boxes of
its class by the threshold, of which the better one is taken: there that is an error, here it is the other one's.
"""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

import numpy as np

from .boxes import Found, areas, found, iou, overlaps

Arrays = Mapping[str, np.ndarray]

COUNTS, DIFFICULT, CROWD = 0, 1, 2
"""Kinds of true boxes: that count; that are neither missed nor found (VOC); that stand for many things (COCO)."""
THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""COCO's, of the IoU."""
RECALLS = np.linspace(0.0, 1.0, 101)
"""At which COCO reads the precision."""
ELEVEN = np.arange(11) / 10
"""At which VOC did until 2009."""
ALIKE = 0.5  # IoU of two detections of the same thing
POSTPROCESS = found
"""What is computed behind a model's outputs, before anyone can use them: (outputs, task) -> answers."""


class Ranked(NamedTuple):
    """The detections of one class in all images, the surest first: ``scores`` (k,); ``right`` (thresholds, k), whether
    each is a true box's; ``ignored`` (thresholds, k), whether it is neither right nor wrong. ``total``: true boxes."""

    scores: np.ndarray
    right: np.ndarray
    ignored: np.ndarray
    total: int


def measure(outputs: Arrays, targets: Arrays, task: Mapping[str, Any]) -> dict[str, float | None]:
    """Every metric, None where no image has a true box; the precision, too, where nothing is found.

    ``targets``: ``boxes`` (n, most, 4), ``classes`` (n, most), -1 for rows that are none, ``kinds`` (n, most).
    ``task``: what ``boxes.found`` needs, and ``confidence``.
    """
    every = ranked(found(outputs, task), targets)
    everything = [each for each in every if each.total]
    curves = [curve(each, 0) for each in everything]
    precision, recall, f1 = at_confidence(every, task["confidence"])
    return {
        "ap50": _mean([area(*each) for each in curves]),
        "ap": _mean([at_recalls(*curve(each, row), RECALLS) for each in everything for row in range(len(THRESHOLDS))]),
        "ap50_11": _mean([at_recalls(*each, ELEVEN) for each in curves]),
        "precision": precision,
        "recall": recall,
        "f1": f1,
    }


def same(outputs: Arrays, others: Arrays, task: Mapping[str, Any]) -> np.ndarray:
    """Whether both find the same in an image: each finds, half as sure at least, all boxes that the other is confident
    of. bool (n,)."""
    pairs = zip(found(outputs, task), found(others, task))
    return np.array([_finds(one, other, task) and _finds(other, one, task) for one, other in pairs], bool)


def _finds(one: Found, other: Found, task: Mapping[str, Any]) -> bool:
    sure = confident(other, task["confidence"])
    return shared(sure, confident(one, task["confidence"] / 2)) == len(sure.boxes)


def confident(each: Found, confidence: float) -> Found:
    """Those of at least that score."""
    sure = each.scores >= confidence
    return Found(each.boxes[sure], each.classes[sure], each.scores[sure])


def shared(one: Found, other: Found, least: float = ALIKE) -> int:
    """How many of the one's boxes are the other's, too: of the same class, with an IoU of ``least`` at least."""
    kinds, count = np.zeros(len(other.boxes), int), 0
    for number in np.intersect1d(one.classes, other.classes):
        mine, theirs = one.classes == number, other.classes == number
        count += int(matched(one.boxes[mine], other.boxes[theirs], kinds[theirs], np.array([least]))[0].sum())
    return count


def ranked(detections: list[Found], targets: Arrays, thresholds: np.ndarray = THRESHOLDS) -> list[Ranked]:
    """Of each class, up to the largest that was found or is true."""
    classes = int(max([targets["classes"].max(initial=-1), *(each.classes.max(initial=-1) for each in detections)]))
    return [_of_class(number, detections, targets, thresholds) for number in range(classes + 1)]


def _of_class(number: int, detections: list[Found], targets: Arrays, thresholds: np.ndarray) -> Ranked:
    scores, right, ignored, total = [], [], [], 0
    for each, boxes, classes, kinds in zip(detections, targets["boxes"], targets["classes"], targets["kinds"]):
        mine, theirs = each.classes == number, classes == number
        total += int((kinds[theirs] == COUNTS).sum())
        if mine.any():
            hits, passed_over = matched(each.boxes[mine], boxes[theirs], kinds[theirs], thresholds)
            scores.append(each.scores[mine])
            right.append(hits)
            ignored.append(passed_over)
    if not scores:
        nothing = np.zeros((len(thresholds), 0), bool)
        return Ranked(np.zeros(0), nothing, nothing, total)
    every = np.concatenate(scores)
    order = np.argsort(-every, kind="stable")
    hits, passed_over = (np.concatenate(parts, axis=1)[:, order] for parts in (right, ignored))
    return Ranked(every[order], hits, passed_over, total)


def matched(
    boxes: np.ndarray, true: np.ndarray, kinds: np.ndarray, thresholds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(which of the boxes (k, 4), the surest first, are a true one's; which are neither right nor wrong), each bool
    (thresholds, k), of one class in one image."""
    right, ignored = (np.zeros((len(thresholds), len(boxes)), bool) for _ in range(2))
    if not len(true):
        return right, ignored
    near = iou(boxes, true)
    crowd = kinds == CROWD
    if crowd.any():  # how much of the box lies in the crowd
        boxes = boxes.astype(np.float64)
        inside = overlaps(boxes, true[crowd].astype(np.float64))
        near[:, crowd] = inside / np.maximum(areas(boxes)[:, None], 1e-12)
    free = np.ones((len(thresholds), len(true)), bool)
    counts = kinds == COUNTS
    least = np.minimum(thresholds, 1 - 1e-10)[:, None]
    every = np.arange(len(thresholds))
    for index, row in enumerate(near):
        reaches = (row[None] >= least) & free
        candidates = np.where(reaches & counts[None], row[None], -1.0)
        best = len(true) - 1 - np.argmax(candidates[:, ::-1], axis=1)  # of equal ones the last, as COCO's program
        hit = candidates[every, best] >= 0
        right[:, index] = hit
        free[every[hit], best[hit]] = False
        ignored[:, index] = ~hit & (reaches & ~counts[None]).any(axis=1)
    return right, ignored


def curve(each: Ranked, row: int) -> tuple[np.ndarray, np.ndarray]:
    """(recall, precision) after each detection that is right or wrong, at the threshold of that row."""
    counted = ~each.ignored[row]
    right = np.cumsum(each.right[row][counted])
    return right / max(each.total, 1), right / np.arange(1, len(right) + 1)


def envelope(precision: np.ndarray) -> np.ndarray:
    """The largest precision at the same recall or more."""
    return np.maximum.accumulate(precision[::-1])[::-1]


def area(recall: np.ndarray, precision: np.ndarray) -> float:
    """Under the envelope, at all points: VOC's average precision since 2010."""
    return float((np.diff(recall, prepend=0.0) * envelope(precision)).sum())


def at_recalls(recall: np.ndarray, precision: np.ndarray, recalls: np.ndarray) -> float:
    """The mean of the envelope at these recalls, 0 beyond the last."""
    at = np.searchsorted(recall, recalls, side="left")
    return float(np.append(envelope(precision), 0.0)[at].mean())


def at_confidence(everything: list[Ranked], confidence: float) -> tuple[float | None, float | None, float | None]:
    """(precision, recall, F1) at an IoU of 0.5, of all boxes of all classes with at least that score.

    The precision is None where there are none; the other two where there is no true box.
    """
    total = sum(each.total for each in everything)
    sure = [(each.scores >= confidence) & ~each.ignored[0] for each in everything]
    right = sum(int(each.right[0][rows].sum()) for each, rows in zip(everything, sure))
    said = sum(int(rows.sum()) for rows in sure)
    precision = right / said if said else None
    return (precision, right / total, 2 * right / (said + total)) if total else (precision, None, None)


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
