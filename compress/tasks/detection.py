"""Detection: boxes around things, each with its class and how sure the network is."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from compress import keras
from compress.config import Count, NotNegative, Positive, config
from compress.datasets import Dataset
from compress.datasets.images import Fitted
from compress.errors import UserError
from compress.metrics import boxes as of_boxes
from compress.metrics import detection
from compress.models import ends
from compress.models.detector import DetectionHead
from compress.models.head import Head
from compress.replicas import divisor
from compress.results import Metric
from compress.targets import Boxes
from compress.targets.boxes import CLASS, COUNTS, KIND
from compress.tasks import anchors as of_anchors
from compress.tasks.answers import Answers
from compress.tasks.base import Arrays, Departure, Output, Tensors
from compress.tasks.difference import Bounds, Difference
from compress.tasks.draw import called, draw

BOUNDS = Bounds(
    unit="in a probability or an overlap",
    float32=1e-3,
    typical={"float16": 0.02, "int8": 0.3},
    far=0.3,
    note="on the average image, the file's probabilities or boxes differ from the network's by {:.2f}",
)
TOLERANCE = {"float32": 1e-3, "float16": 2e-3, "int16x8": 2e-3, "int8": 0.25, "dynamic": 0.25}
EXTREMES = 10  # examples of the fewest and of the most boxes that ranges are measured on
KNOWING = 0.01  # average precision: a network with less knows nothing
SAME = 0.01  # of a logit: a network whose outputs differ less says the same of every image
SURE = 1e-6  # a probability nearer to 0 or 1 has no logit that a float32 could tell from its neighbours
POINTS = 60  # of a curve in the report
SIZES = (1.0, 1.5, 2.0, 3.0, 4.0)  # of anchors, in cells, that are tried
LOOKED_AT = 500  # training boxes, for that
WHOLE = 0.9  # mean area of boxes that stand for whole images, in parts of the image
Part = Annotated[float, Field(gt=0, lt=1)]


@config
class Detection:
    """Boxes around objects. For each anchor, a box at a fixed place, the network predicts the class of an object there
    and the offset of the object's box from the anchor; see ``metrics.boxes``."""

    name: Literal["detection"] = "detection"
    anchor_size: Positive | None = None
    """Side of a square anchor, in cells of its pyramid level (8, 16 and 32 pixels). Default: the value of 1, 1.5, 2, 3
    and 4 whose anchors overlap the training boxes most."""
    anchor_scales: Annotated[tuple[Positive, ...], Field(min_length=1)] = (1.0, 1.414)
    """Sizes of the anchors at each place, as multiples of ``anchor_size``."""
    ratios: Annotated[tuple[Positive, ...], Field(min_length=1)] = (0.5, 1.0, 2.0)
    """Aspect ratios of the anchors at each place: height divided by width."""
    box_weight: NotNegative = 1.0
    """Weight of the loss on boxes; the loss on classes has the weight 1."""
    channels: Count = 64
    """Number of channels of the feature pyramid from which boxes and classes are predicted."""
    depth: int = Field(default=2, ge=0)
    """Number of convolutions between the feature pyramid and each output."""
    depthwise: bool = False
    """Whether these convolutions are depthwise separable: fewer weights, slightly less precise."""
    least_score: Part = 0.05
    """Lowest score of a predicted box; boxes with a lower score are discarded."""
    suppression: Part = 0.5
    """IoU threshold of non-maximum suppression: of two boxes of one class that overlap more, only the one with the
    higher score is kept."""
    most: Count = 100
    """Maximum number of predicted boxes per image."""
    confidence: Part = 0.5
    """Score from which a box is drawn and counts for precision, recall and F1. At least twice ``least_score``."""
    frame: tuple[Count, Count] | None = None
    """[height, width] of the images in pixels. Default: the size of the data's images."""

    METRICS: ClassVar[tuple[Metric, ...]] = (
        Metric("ap50", "AP at 0.5", "%", 100.0, 2),
        Metric("ap", "AP at 0.5:0.95", "%", 100.0, 2),
        Metric("ap50_11", "AP at 0.5, 11 points", "%", 100.0, 2, in_table=False),
        Metric("precision", "precision", "%", 100.0, 1, in_table=False),
        Metric("recall", "recall", "%", 100.0, 1, in_table=False),
        Metric("f1", "F1", "%", 100.0, 1),
    )
    CLOSENESS: ClassVar[Metric] = Metric("same_boxes", "same boxes", "%", 100.0, 2)
    OUTPUTS: ClassVar[tuple[Output, ...]] = (
        Output("logits", "scores", "how likely a thing of each class is at each anchor", "LOGISTIC"),
        Output(
            "boxes",
            "boxes",
            f"how the box of a thing lies to each anchor: {of_boxes.SCALES[0]:g} * (its middle's y and x - the "
            f"anchor's) / (the anchor's height and width), and {of_boxes.SCALES[2]:g} * log(its height and width / the "
            "anchor's)",
        ),
    )
    SUMS: ClassVar[Mapping[str, str]] = {}
    ALSO_LEARNED: ClassVar[tuple[str, ...]] = ()
    READ_WITH: ClassVar[tuple[str, ...]] = ("anchor_size", "anchor_scales", "ratios")
    ALSO_IN_FILES: ClassVar[tuple[tuple[str, ...], ...]] = (of_boxes.SOFTWARE,)
    PICTURE: ClassVar[str] = "boxes"
    DRAWN_UNASKED: ClassVar[bool] = False

    def fitted(self, data: Dataset, learns: bool = True) -> Self:
        targets = data.train.targets
        if not isinstance(targets, Boxes):
            raise UserError(f"{data.name} has no boxes, which detection needs")
        if (learns or self.anchor_size is None) and self.lacks(targets.arrays()):
            reason = "so there is nothing to learn" if learns else "from which the size of the anchors could be told"
            raise UserError(f"{data.name} has no box in any training image, {reason}")
        if self.least_score > self.confidence / 2:
            raise UserError(
                f"[task] confidence = {self.confidence:g} must be at least twice least_score ({self.least_score:g})"
            )
        if self.frame is not None and self.frame != targets.frame:
            sizes = " and ".join("x".join(map(str, size)) for size in (self.frame, targets.frame))
            raise UserError(f"[task] frame differs from the size of the data's images: {sizes}")
        framed = replace(self, frame=targets.frame)
        if self.anchor_size is not None:
            return framed
        boxes = targets.rows[targets.rows[..., KIND] == COUNTS][:, :CLASS]
        boxes = boxes[np.linspace(0, len(boxes) - 1, min(len(boxes), LOOKED_AT)).astype(int)]
        if of_boxes.areas(boxes).mean() > WHOLE * np.prod(targets.frame):
            raise UserError(
                f"the training boxes of {data.name} are as large as the images, so the size of the anchors cannot "
                "follow from them: set [task] anchor_size, such as 3.0"
            )
        candidates = [replace(framed, anchor_size=size) for size in SIZES]
        return max(candidates, key=lambda candidate: candidate.covers(boxes))

    def head(self, data: Dataset) -> Head:
        per_cell = len(self.ratios) * len(self.anchor_scales)
        return DetectionHead(len(data.label_names), per_cell, self.channels, self.depth, self.depthwise)

    def own_end(self, network: Any, name: str) -> Any:
        if last := ends.probabilities(network):
            raise UserError(
                f"{name}: the scores end in probabilities ({last}), but detection needs the logits before them: let "
                "the first output end without an activation"
            )
        return network

    def check_outputs(self, shapes: Mapping[str, tuple[int | None, ...]], name: str, width: int | None) -> None:
        if set(of_boxes.SOFTWARE) <= shapes.keys():  # a file that decodes by itself
            return
        logits, boxes = shapes.get("logits", shapes.get("scores", ())), shapes.get("boxes", ())
        places = len(self.anchors) if self.frame else None
        if len(logits) != 3 or len(boxes) != 3 or boxes[2] != 4 or logits[1] != boxes[1]:
            told = " and ".join(str(shape[1:]) for shape in shapes.values())
            raise UserError(
                f"{name} gives {told}, but detection needs logits (anchors, classes) and boxes (anchors, 4)"
            )
        if places is not None and boxes[1] != places:
            raise UserError(
                f"{name} gives boxes at {boxes[1]} anchors, but [task] and the size of the images make {places}"
            )
        if width is not None and logits[2] != width:
            raise UserError(f"{name} detects {logits[2]} classes, but the data have {width}")

    def covers(self, boxes: np.ndarray) -> float:
        """The mean, over boxes (k, 4), of the IoU with the anchor that overlaps each most."""
        return float(of_boxes.iou(boxes, of_boxes.corners(self.anchors)).max(axis=1).mean())

    @cached_property
    def settings(self) -> dict[str, Any]:
        """As ``compress.metrics`` takes them."""
        return asdict(self)  # type: ignore[call-overload]

    @cached_property
    def anchors(self) -> np.ndarray:
        """float32 (anchors, 4), as ``metrics.boxes.anchors`` has them."""
        return of_boxes.anchors(self.settings)

    def loss(self, outputs: Tensors, targets: Tensors, weight: float = 1.0) -> Any:
        """The focal loss of all anchors and ``box_weight`` times the smooth L1 loss of the offsets of those that are of
        a thing, both summed over the batch and divided by how many these are, 1 at least (Lin et al., 2017)."""
        tf = keras.tf
        label, box = self._assigned(targets)
        is_thing = tf.cast(label >= 0, tf.float32)
        wanted = of_anchors.encoded(box, self.anchors)
        errors = of_anchors.smooth_l1((outputs["boxes"] - wanted) * is_thing[..., None])
        total = tf.reduce_sum(of_anchors.focal(outputs["logits"], label)) + self.box_weight * tf.reduce_sum(errors)
        return weight * total / divisor(tf.reduce_sum(is_thing))

    def _assigned(self, targets: Tensors) -> tuple[Any, Any]:
        """What each anchor of a batch is of, and that thing's box."""
        return of_anchors.assigned(targets["boxes"], targets["classes"], targets["kinds"], self.anchors)

    def things(self, targets: Tensors) -> Any:
        """How many anchors of a batch are of a thing: a float32 scalar."""
        label, _ = self._assigned(targets)
        return keras.tf.reduce_sum(keras.tf.cast(label >= 0, keras.tf.float32))

    def logs(self, outputs: Tensors, targets: Tensors) -> dict[str, Any]:
        """How sure the network is, on average, at the anchors that are of a thing."""
        tf = keras.tf
        label, _ = self._assigned(targets)
        own = tf.reduce_sum(tf.one_hot(label, outputs["logits"].shape[-1]) * tf.sigmoid(outputs["logits"]))
        return {"sure": own / divisor(tf.reduce_sum(tf.cast(label >= 0, tf.float32)))}

    def in_deviations(self, outputs: Tensors) -> Tensors:
        return outputs

    def from_file(self, outputs: Arrays, ends_in: str = "") -> Arrays:
        if "scores" not in outputs:
            return outputs
        likely = np.clip(outputs["scores"], SURE, 1 - SURE)
        return {"logits": np.log(likely / (1 - likely)), "boxes": outputs["boxes"]}

    def score(self, outputs: Arrays, targets: Arrays) -> float:
        ranked = detection.ranked(of_boxes.found(outputs, self.settings), targets, detection.THRESHOLDS[:1])
        areas = [detection.area(*detection.curve(each, 0)) for each in ranked if each.total]
        return float(np.mean(areas)) if areas else 0.0

    def lacks(self, targets: Arrays) -> str:
        return "" if (targets["kinds"] == detection.COUNTS).any() else "a box"

    def measure(
        self, outputs: Arrays, targets: Arrays, validation_outputs: Arrays, validation_targets: Arrays
    ) -> dict[str, float | None]:
        return detection.measure(outputs, targets, self.settings)

    def details(self, outputs: Arrays, targets: Arrays) -> dict[str, Any]:
        """The curve of precision over recall of each class at an IoU of 0.5, how many boxes it has, and its AP; None
        for one without any."""
        ranked = detection.ranked(of_boxes.found(outputs, self.settings), targets)
        return {"classes": [_curve_of(each) if each.total else None for each in ranked]}

    def close(self, outputs: Arrays, others: Arrays) -> float:
        """The part of the boxes shown that are in both, of the same class and with an IoU of 0.5 at least: F1."""
        both = zip(*(of_boxes.found(each, self.settings) for each in (outputs, others)), strict=True)
        shared = total = 0
        for one, other in both:
            mine, theirs = (detection.confident(each, self.confidence) for each in (one, other))
            shared += detection.shared(mine, theirs)
            total += len(mine.boxes) + len(theirs.boxes)
        return 2 * shared / total if total else 1.0

    def departure(self, wanted: Arrays, got: Arrays, targets: Arrays, precision: str) -> Departure:
        """In each image the largest difference of a probability, and of an IoU from 1, at the anchors at which the
        network, or the file, is half as sure as it has to be for a box to be shown."""
        rows = np.stack([self._apart(*pair) for pair in zip(*map(self._decoded, (wanted, got)), strict=True)])
        difference = Difference.of(np.zeros_like(rows), rows, BOUNDS)
        return Departure(difference.facts(), difference.reason(np.ones(1), precision), difference.note())

    def _decoded(self, outputs: Arrays) -> Sequence[tuple[np.ndarray, np.ndarray]]:
        """(probabilities, boxes) of each image."""
        likely = of_boxes.sigmoid(np.asarray(outputs["logits"], np.float64))
        return list(zip(likely, of_boxes.decoded(outputs["boxes"], self.anchors), strict=True))

    def _apart(self, one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """(largest difference of probabilities, largest 1 - IoU), at the anchors that matter."""
        matter = np.flatnonzero(np.maximum(one[0], other[0]).max(axis=1) >= self.confidence / 2)
        if not len(matter):
            return np.zeros(2)
        ious = [of_boxes.iou(one[1][[row]], other[1][[row]])[0, 0] for row in matter]
        return np.array([np.abs(one[0] - other[0])[matter].max(), 1 - min(ious)])

    def calibration_rows(self, targets: Arrays) -> np.ndarray:
        """The examples of the fewest and of the most boxes."""
        order = np.argsort((targets["classes"] >= 0).sum(axis=1), kind="stable")
        return np.unique(np.concatenate([order[:EXTREMES], order[-EXTREMES:]]))

    def tolerance(self, precision: str) -> float | list[float]:
        return TOLERANCE[precision]

    def answers(self, outputs: Arrays, targets: Arrays) -> Answers | None:
        """None: what a network does not find says nothing of its pixels."""
        return None

    def chance(self, targets: Arrays) -> float:
        return 0.0

    def ignorance(self, outputs: Arrays, targets: Arrays) -> str:
        known, count = self.score(outputs, targets), len(targets["boxes"])
        told = (
            f"has an AP of {known:.1%} on {count} validation images, with anchors of [task] anchor_size = "
            f"{self.anchor_size:g}, which must be those of its training"
        )
        return told if known < KNOWING and not self.lacks(targets) else ""

    def collapse(self, outputs: Arrays, targets: Arrays) -> str:
        same = len(outputs["logits"]) > 1 and np.ptp(outputs["logits"], axis=0).max() < SAME
        return "gives the same outputs for every test image" * bool(same)

    def picture(self, outputs: Arrays, image: Fitted, label_names: tuple[str, ...]) -> np.ndarray | None:
        """The image with its boxes, a colour a class, and how sure the network is of each."""
        (shown,) = self._shown(outputs, [image])
        return draw(image.original, shown, label_names)

    def describe(
        self, outputs: Arrays, label_names: tuple[str, ...], top: int, images: Sequence[Fitted] | None = None
    ) -> list[str]:
        """Each box with its class, how sure that is, and x and y of two corners; the surest first."""
        lines = []
        for each in self._shown(outputs, images):
            parts = [
                f"{called(label_names, number)} ({score:.1%}) at {box[1]:.0f},{box[0]:.0f} to {box[3]:.0f},{box[2]:.0f}"
                for box, number, score in zip(*each, strict=True)
            ]
            lines.append("; ".join(parts) if parts else "nothing found")
        return lines

    def as_json(
        self, outputs: Arrays, label_names: tuple[str, ...], images: Sequence[Fitted] | None = None
    ) -> list[dict[str, Any]]:
        """``boxes``: "class", "score", and "box", x and y of its upper left and lower right corner, in pixels."""
        return [
            {
                "boxes": [
                    {
                        "class": called(label_names, number),
                        "score": round(float(score), 4),
                        "box": [round(float(box[i]), 1) for i in (1, 0, 3, 2)],
                    }
                    for box, number, score in zip(*each, strict=True)
                ]
            }
            for each in self._shown(outputs, images)
        ]

    def _shown(self, outputs: Arrays, images: Sequence[Fitted] | None) -> list[of_boxes.Found]:
        """What is found with confidence, in the pixels of the images as they were, where they are given."""
        every = of_boxes.found(outputs, self.settings)
        sure = [detection.confident(each, self.confidence) for each in every]
        if images is None:
            return sure
        return [_in_original(each, image) for each, image in zip(sure, images, strict=True)]


def _in_original(each: of_boxes.Found, image: Fitted) -> of_boxes.Found:
    """The boxes in pixels of the image as it was; those that lie in the black beside it are gone."""
    moved = of_boxes.Found(image.back(each.boxes), each.classes, each.scores)
    there = of_boxes.areas(moved.boxes) > 0
    return of_boxes.Found(*(part[there] for part in moved))


def _curve_of(each: detection.Ranked) -> dict[str, Any]:
    recall, precision = detection.curve(each, 0)
    some = np.unique(np.linspace(0, max(0, len(recall) - 1), min(len(recall), POINTS)).astype(int))
    smooth = detection.envelope(precision)
    return {
        "boxes": each.total,
        "ap50": detection.area(recall, precision),
        "recall": [round(float(recall[index]), 4) for index in some],
        "precision": [round(float(smooth[index]), 4) for index in some],
    }
