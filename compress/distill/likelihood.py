"""Likelihood maps: proposals vote for where things of a class are, and boxes are drawn around what they agree on.

Chen, Fu, Jiang, Zhou and Chen, "SLV: Spatial Likelihood Voting for Weakly Supervised Object Detection", CVPR 2020,
section 3.2. How an adaptive search finds its thresholds is not published, and ours.
"""

from collections.abc import Callable, Iterator

import numpy as np

from compress.targets.boxes import COUNTS, NOTHING, Boxes

LEAST = 1e-3  # score of a proposal that has a vote
THRESHOLD = 0.5
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7)
APART = 0.1  # IoU, or part of the smaller box, above which the better of two found boxes stays

FindBoxes = Callable[[np.ndarray], list[tuple[float, np.ndarray]]]
"""A map (height, width) in [0, 1] -> (score, box in cells) of each thing."""


def covers(boxes: np.ndarray, frame: tuple[int, int], cells: tuple[int, int]) -> np.ndarray:
    """float32 (r, *cells): 1 where the middle of a cell lies in a box of (r, 4), in pixels; a row of 0 has none."""
    inside = []
    for axis, count in enumerate(cells):
        middles = (np.arange(count) + 0.5) * frame[axis] / count
        inside.append((middles >= boxes[:, [axis]]) & (middles < boxes[:, [axis + 2]]))
    return (inside[0][:, :, None] & inside[1][:, None]).astype(np.float32)


def likelihood(scores: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """float32 (classes, height, width) in [0, 1]: the sum of the votes at each place over the largest one.

    ``scores``: (r, classes) of proposals, ``covered``: what ``covers`` gives.
    """
    votes = np.einsum("rc,rhw->chw", np.where(scores > LEAST, scores, 0), covered)
    most = votes.max(axis=(1, 2), keepdims=True)
    return np.divide(votes, most, out=np.zeros_like(votes), where=most > 0).astype(np.float32)


def by_threshold(likely: np.ndarray, threshold: float = THRESHOLD) -> list[tuple[float, np.ndarray]]:
    """A box around each connected part of the map that is above the threshold; the score is the mean in the box."""
    return [(float(likely[_of(box)].mean()), box) for box in _parts(likely, threshold)]


def by_search(likely: np.ndarray) -> list[tuple[float, np.ndarray]]:
    """The best boxes of several thresholds: a box is the better, the likelier its places are on average, and the more
    of all likelihood lies in it (the root of that part). Of two that overlap the better one stays."""
    total = float(likely.sum()) or 1.0
    candidates = []
    for threshold in THRESHOLDS:
        for box in _parts(likely, threshold):
            inside = likely[_of(box)]
            candidates.append((float(inside.mean() * np.sqrt(inside.sum() / total)), float(inside.mean()), box))
    chosen: list[tuple[float, np.ndarray]] = []
    for _, mean, box in sorted(candidates, key=lambda each: -each[0]):
        if all(_apart(box, other) for _, other in chosen):
            chosen.append((mean, box))
    return chosen


def pseudo_boxes(
    likely: np.ndarray, present: np.ndarray, frame: tuple[int, int], find: FindBoxes, most: int
) -> np.ndarray:
    """float32 (most, 6): boxes of the classes that are ``present``, bool (classes,), as ``targets.Boxes`` has them; the
    likeliest, and rows of -1."""
    rows = np.full((most, Boxes.COLUMNS), NOTHING, np.float32)
    scale = np.tile(np.array(frame, np.float64) / likely.shape[1:], 2)
    found = [(score, box * scale, number) for number in np.flatnonzero(present) for score, box in find(likely[number])]
    for row, (_, box, number) in zip(rows, sorted(found, key=lambda each: -each[0]), strict=False):
        row[:] = [*box, number, COUNTS]
    return rows


def _parts(likely: np.ndarray, threshold: float) -> Iterator[np.ndarray]:
    """The box, in cells, of each part that hangs together by sides."""
    from scipy.ndimage import find_objects, label

    for rows, columns in find_objects(label(likely > threshold)[0]):
        yield np.array([rows.start, columns.start, rows.stop, columns.stop])


def _of(box: np.ndarray) -> tuple[slice, slice]:
    return slice(box[0], box[2]), slice(box[1], box[3])


def _apart(box: np.ndarray, other: np.ndarray) -> bool:
    sides = np.minimum(box[2:], other[2:]) - np.maximum(box[:2], other[:2])
    shared = np.prod(np.clip(sides, 0, None))
    return bool(shared <= APART * min(np.prod(each[2:] - each[:2]) for each in (box, other)))


FINDERS: dict[str, FindBoxes] = {"threshold": by_threshold, "search": by_search}
