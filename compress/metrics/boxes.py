"""Boxes in images: anchors, what a detector says of them, and which of its boxes stay.

A box is y and x of its upper left and of its lower right corner, in pixels from the image's upper left corner. An
anchor is a box that stands still; a detector says of each how a thing lies to it (Ren, He, Girshick and Sun, "Faster
R-CNN", 2015, equation 2), and how likely it is to be of each class.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Mapping, NamedTuple

import numpy as np

Arrays = Mapping[str, np.ndarray]

STRIDES = (8, 16, 32)
"""Pixels along a side of a cell, of the levels at which a detector looks."""
SCALES = np.array([10.0, 10.0, 5.0, 5.0], np.float32)
"""By which offsets are multiplied, so that usual ones are about 1: those of TFLite's own decoding."""
LARGEST = float(5.0 * np.log(1000.0 / 16))  # offset of a side: exp() of more would overflow (Detectron's bound)
MOST_LOOKED_AT = 10_000  # candidates of an image, the likeliest: as all in TFLite's operator, but for time and memory
SOFTWARE = ("detection_boxes", "detection_classes", "detection_scores", "num_detections")
"""Outputs of a file in which TFLite's own operator decodes and suppresses."""
DETECTIONS = "model.detections.tflite"
"""What that file is called beside the one of raw outputs."""


class Found(NamedTuple):
    """What a detector found in one image: ``boxes`` (k, 4), ``classes`` (k,), ``scores`` (k,) in [0, 1], falling."""

    boxes: np.ndarray
    classes: np.ndarray
    scores: np.ndarray


def anchors(task: Mapping[str, Any]) -> np.ndarray:
    """float32 (anchors, 4): middle y and x, height, width, in pixels; level by level, row by row, cell by cell.

    ``task``: its ``frame``, ``anchor_size``, ``ratios`` (height over width) and ``anchor_scales``.
    """
    frame, scales, ratios = (tuple(task[key]) for key in ("frame", "anchor_scales", "ratios"))
    return _anchors(frame, float(task["anchor_size"]), scales, ratios)


@lru_cache(maxsize=16)
def _anchors(frame: tuple, size: float, scales: tuple, ratios: tuple) -> np.ndarray:
    height, width = frame
    levels = []
    for stride in STRIDES:
        sizes = [
            (stride * size * scale * ratio**0.5, stride * size * scale / ratio**0.5)
            for scale in scales
            for ratio in ratios
        ]
        y, x = ((np.arange(side // stride) + 0.5) * stride for side in (height, width))
        grid = np.stack(np.meshgrid(y, x, indexing="ij"), axis=-1)[:, :, None]
        middles = np.broadcast_to(grid, (*grid.shape[:2], len(sizes), 2))
        levels.append(np.concatenate([middles, np.broadcast_to(sizes, middles.shape)], axis=-1).reshape(-1, 4))
    every = np.concatenate(levels).astype(np.float32)
    every.flags.writeable = False  # it is handed out again
    return every


def corners(middles: np.ndarray) -> np.ndarray:
    """Boxes (..., 4) of middle y and x, height and width."""
    half = middles[..., 2:] / 2
    return np.concatenate([middles[..., :2] - half, middles[..., :2] + half], axis=-1)


def decoded(offsets: np.ndarray, to: np.ndarray) -> np.ndarray:
    """The boxes (..., 4) that lie by ``offsets`` to the anchors ``to``, both (..., 4)."""
    size = np.exp(np.minimum(offsets[..., 2:], LARGEST) / SCALES[2:]) * to[..., 2:]
    return corners(np.concatenate([offsets[..., :2] / SCALES[:2] * to[..., 2:] + to[..., :2], size], axis=-1))


def encoded(boxes: np.ndarray, to: np.ndarray) -> np.ndarray:
    """The offsets (..., 4) of boxes with an area: the inverse of ``decoded``."""
    size = boxes[..., 2:] - boxes[..., :2]
    middle = boxes[..., :2] + size / 2
    return np.concatenate([(middle - to[..., :2]) / to[..., 2:], np.log(size / to[..., 2:])], axis=-1) * SCALES


def areas(boxes: np.ndarray) -> np.ndarray:
    """Of boxes (..., 4), in pixels."""
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The area that each of (n, 4) boxes shares with each of (m, 4): (n, m), in pixels."""
    least = np.maximum(boxes[:, None, :2], others[None, :, :2])
    most = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    return np.clip(most - least, 0, None).prod(axis=-1)


def iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of each of (n, 4) boxes with each of (m, 4), float64 in [0, 1]; 0 where neither has an
    area. In float32 an overlap that is exactly a threshold, such as 0.7, could miss it."""
    boxes, others = (each.astype(np.float64) for each in (boxes, others))
    shared = overlaps(boxes, others)
    union = areas(boxes)[:, None] + areas(others)[None] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def kept(boxes: np.ndarray, classes: np.ndarray, threshold: float, most: int) -> np.ndarray:
    """Indices of those that stay when each, from first to last, drops the later ones of its class that overlap it by
    an IoU of more than ``threshold``; ``most`` at most."""
    span = float(np.abs(boxes).max(initial=0)) * 2 + 1
    apart = boxes.astype(np.float64) + (classes * span)[:, None]  # boxes of two classes never meet
    own, left = areas(apart), np.arange(len(boxes))
    chosen: list[int] = []
    while len(left) and len(chosen) < most:
        first, left = left[0], left[1:]
        chosen.append(first)
        sides = np.minimum(apart[first, 2:], apart[left, 2:]) - np.maximum(apart[first, :2], apart[left, :2])
        shared = np.clip(sides[:, 0], 0, None) * np.clip(sides[:, 1], 0, None)
        left = left[shared <= threshold * (own[first] + own[left] - shared)]
    return np.array(chosen, np.int64)


def found(outputs: Arrays, task: Mapping[str, Any]) -> list[Found]:
    """What the outputs of n images say, decoded and suppressed.

    ``outputs``: ``boxes`` float32 (n, anchors, 4), and ``logits`` or ``scores`` (n, anchors, classes); or those of
    SOFTWARE. ``task``: what ``anchors`` needs, and ``least_score``, ``suppression`` (an IoU) and ``most`` boxes.
    """
    if SOFTWARE[0] in outputs:
        return _of_software(outputs, task)
    to = anchors(task)
    scores = outputs["scores"] if "scores" in outputs else sigmoid(outputs["logits"])
    return [_of_image(offsets, rows, to, task) for offsets, rows in zip(outputs["boxes"], scores)]


def _of_image(offsets: np.ndarray, scores: np.ndarray, to: np.ndarray, task: Mapping[str, Any]) -> Found:
    # of equal scores the first class's, then the first anchor's come first, as in TFLite's operator
    classes, rows = np.nonzero((scores >= task["least_score"]).T)
    likely = np.argsort(-scores[rows, classes], kind="stable")[:MOST_LOOKED_AT]
    rows, classes = rows[likely], classes[likely]
    frame = np.tile(np.asarray(task["frame"], np.float32), 2)
    boxes = decoded(offsets[rows], to[rows])
    stay = kept(boxes, classes, task["suppression"], task["most"])
    return _inside(Found(boxes[stay], classes[stay], scores[rows[stay], classes[stay]]), frame)


def _inside(each: Found, frame: np.ndarray) -> Found:
    """What of the boxes lies in the image; those that lie outside are gone."""
    boxes = np.clip(each.boxes, 0, frame)
    there = areas(boxes) > 0
    return Found(boxes[there], each.classes[there], each.scores[there])


def _of_software(outputs: Arrays, task: Mapping[str, Any]) -> list[Found]:
    frame = np.tile(np.asarray(task["frame"], np.float32), 2)
    boxes, classes, scores, counts = (outputs[name] for name in SOFTWARE)
    rows = []
    for number, count in enumerate(np.ravel(counts).astype(int)):
        chosen = np.flatnonzero(scores[number][:count] >= task["least_score"])
        chosen = chosen[np.argsort(-scores[number][chosen], kind="stable")]
        there = Found(boxes[number][chosen] * frame, classes[number][chosen].astype(np.int64), scores[number][chosen])
        rows.append(_inside(there, frame))
    return rows


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), of any size without a warning."""
    return np.exp(-np.logaddexp(0, -logits))
