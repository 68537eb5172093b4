"""Multi-label classification: any number of classes an image. Networks emit logits; a file gives their sigmoids."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np

from compress import keras
from compress.config import config
from compress.datasets import Dataset
from compress.datasets.images import Fitted
from compress.errors import UserError
from compress.metrics import multi_label
from compress.models import ends
from compress.results import Metric
from compress.targets import ClassSets
from compress.tasks.answers import Answers
from compress.tasks.base import Arrays, Departure, Output, Tensors
from compress.tasks.difference import Difference, tolerated
from compress.tasks.probabilities import BOUNDS, OfLogits
from compress.tasks.single_output import by_name, only, width_of

LEAST_AGREEMENT = 0.97  # of images whose classes are all the same
MORE_THAN_CHANCE = 0.05  # of the mean average precision
SMALLEST = 1e-7  # of a probability, and of its distance from 1


def sigmoid_cross_entropy(logits: Any, present: Any) -> Any:
    """Mean over the batch and the classes of -log of the probability of what is the case, natural log.

    logits (n, classes) float32; present (n, classes) float32, 0 or 1.
    """
    return keras.tf.reduce_mean(keras.tf.nn.sigmoid_cross_entropy_with_logits(present, logits))


@config
class MultiLabel(OfLogits):
    """Any number of classes per image, each present or absent."""

    name: Literal["multi_label"] = "multi_label"

    METRICS: ClassVar[tuple[Metric, ...]] = (
        Metric("map", "mean average precision", "%", 100.0, 2),
        Metric("f1", "F1 at 0.5", "%", 100.0, 2),
        Metric("exact_match", "exact match", "%", 100.0, 2, is_share=True),
    )
    CLOSENESS: ClassVar[Metric] = Metric("agreement", "agreement", "%", 100.0, 2, is_share=True)
    OUTPUTS: ClassVar[tuple[Output, ...]] = (Output("logits", "probabilities", "a sigmoid a class", "LOGISTIC"),)

    def fitted(self, data: Dataset, learns: bool = True) -> Self:
        if not isinstance(data.train.targets, ClassSets):
            raise UserError(f"{data.name} has no class sets (several classes per image), which multi_label needs")
        return self

    def own_end(self, network: Any, name: str) -> Any:
        return ends.as_row(ends.sigmoid_logits(network, name))

    def check_outputs(self, shapes: Mapping[str, tuple[int | None, ...]], name: str, width: int | None) -> None:
        own = width_of(shapes)
        if own < 1 or (width is not None and own != width):
            wanted = "" if width is None else f", but the data have {width} classes"
            raise UserError(
                f"{name} gives outputs of shape {only(shapes)[1:]}{wanted}: multi_label needs one number per class"
            )

    def loss(self, outputs: Tensors, targets: Tensors, weight: float = 1.0) -> Any:
        """The sigmoid cross-entropy."""
        return weight * sigmoid_cross_entropy(outputs["logits"], targets["present"])

    def logs(self, outputs: Tensors, targets: Tensors) -> dict[str, Any]:
        """The fraction of images of which all classes are right."""
        tf = keras.tf
        right = tf.equal(outputs["logits"] >= 0, targets["present"] > 0.5)
        return {"exact": tf.reduce_mean(tf.cast(tf.reduce_all(right, axis=-1), tf.float32))}

    def from_file(self, outputs: Arrays, ends_in: str = "") -> Arrays:
        """Logits as they are; of sigmoids log(p / (1 - p)), float64 (n, classes)."""
        values = only(outputs)
        if "probabilities" not in outputs and ends_in != "LOGISTIC":
            return {"logits": values}
        p = np.clip(np.asarray(values, np.float64), SMALLEST, 1 - SMALLEST)
        return {"logits": np.log(p / (1 - p))}

    def score(self, outputs: Arrays, targets: Arrays) -> float:
        return multi_label.mean_average_precision(outputs["logits"], targets["present"]) or 0.0

    def lacks(self, targets: Arrays) -> str:
        return "" if targets["present"].any() else "any of the classes"

    def measure(
        self, outputs: Arrays, targets: Arrays, validation_outputs: Arrays, validation_targets: Arrays
    ) -> dict[str, float | None]:
        return multi_label.measure(outputs, targets)

    def details(self, outputs: Arrays, targets: Arrays) -> dict[str, Any]:
        """Of each class: how many images have it, its average precision, and precision and recall at 0.5."""
        logits, present = outputs["logits"], targets["present"]
        said = logits >= 0
        right = (said * present).sum(axis=0)
        return {
            "classes": {
                "images": present.sum(axis=0).astype(int).tolist(),
                "average_precision": [
                    multi_label.average_precision(logits[:, number], present[:, number])
                    for number in range(logits.shape[1])
                ],
                "precision": _ratios(right, said.sum(axis=0)),
                "recall": _ratios(right, present.sum(axis=0)),
            }
        }

    def close(self, outputs: Arrays, others: Arrays) -> float:
        """The fraction of images of which both say the same classes."""
        return float(np.mean(multi_label.same(outputs, others)))

    def departure(self, wanted: Arrays, got: Arrays, targets: Arrays, precision: str) -> Departure:
        own, of_file = (multi_label.probabilities(outputs["logits"]) for outputs in (wanted, got))
        difference = Difference.of(own, of_file, BOUNDS)
        reason = difference.reason(wanted["logits"], precision)
        count, same = len(got["logits"]), self.close(got, wanted)
        if (1 - same) * count > tolerated(1 - LEAST_AGREEMENT, count):
            reason = (
                f"the file says the classes of the Keras network of {same:.2%} of the images "
                f"(at least {LEAST_AGREEMENT:.0%} wanted)"
            )
        return Departure(difference.facts(), reason, difference.note())

    def answers(self, outputs: Arrays, targets: Arrays) -> Answers | None:
        """Right is the share of classes, over all images, that are said rightly."""
        logits, present = outputs["logits"], targets["present"] > 0.5
        p = multi_label.probabilities(logits)
        truth = np.clip(np.where(present, p, 1 - p), SMALLEST, 1)
        return Answers(
            right=float(np.mean((logits >= 0) == present)),
            confidence=float(np.maximum(p, 1 - p).mean()),
            nll=float(-np.log(truth).sum(axis=-1).mean()),
            spread=float(np.abs(logits).max(axis=-1).mean()),
            count=len(logits),
        )

    def chance(self, targets: Arrays) -> float:
        """The share of classes that are right for who says of each what is so more often."""
        share = targets["present"].mean(axis=0)
        return float(np.maximum(share, 1 - share).mean())

    def ignorance(self, outputs: Arrays, targets: Arrays) -> str:
        present = targets["present"]
        tells = np.ptp(present, axis=0) > 0  # a class that all images have, or none, is not to be told apart
        if not tells.any():
            return ""
        present, logits = present[:, tells], outputs["logits"][:, tells]
        known, chance = multi_label.mean_average_precision(logits, present) or 0.0, float(present.mean())
        told = f"reaches a mean average precision of {known:.1%} on {len(present)} validation images"
        return told if known <= chance + MORE_THAN_CHANCE else ""

    def collapse(self, outputs: Arrays, targets: Arrays) -> str:
        said = outputs["logits"] >= 0
        alike = (said == said[:1]).all() and np.ptp(targets["present"], axis=0).max() > 0
        return "predicts the same classes for every test image" * bool(alike)

    def describe(
        self, outputs: Arrays, label_names: tuple[str, ...], top: int, images: Sequence[Fitted] | None = None
    ) -> list[str]:
        """All classes that are there with their probabilities, the likeliest first; ``top`` at least."""
        lines = []
        for row in multi_label.probabilities(outputs["logits"]):
            best = np.argsort(-row, kind="stable")
            count = int((row >= multi_label.THRESHOLD).sum())
            told = ", ".join(f"{label_names[index]} ({row[index]:.1%})" for index in best[: max(count, top)])
            lines.append(told if count else f"none of the classes; likeliest: {told}")
        return lines

    def as_json(
        self, outputs: Arrays, label_names: tuple[str, ...], images: Sequence[Fitted] | None = None
    ) -> list[dict[str, Any]]:
        """``probabilities`` of the classes."""
        return [{"probabilities": by_name(label_names, row)} for row in multi_label.probabilities(outputs["logits"])]


def _ratios(parts: np.ndarray, wholes: np.ndarray) -> list[float | None]:
    return [float(part / whole) if whole else None for part, whole in zip(parts, wholes, strict=True)]
