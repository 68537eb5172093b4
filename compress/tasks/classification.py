"""Classification: one class an image. Networks emit logits; a file gives the probabilities of their softmax."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np

from compress import keras
from compress.config import config
from compress.datasets import Dataset
from compress.datasets.images import Fitted
from compress.errors import UserError
from compress.metrics import classification, confidence
from compress.models import ends
from compress.results import Metric
from compress.targets import ClassIndices
from compress.tasks.answers import Answers, at_chance
from compress.tasks.base import Arrays, Departure, Output, Tensors
from compress.tasks.difference import Difference, tolerated
from compress.tasks.probabilities import BOUNDS, OfLogits
from compress.tasks.single_output import by_name, only, width_of

MOST_TOP1_LOST, LEAST_AGREEMENT = 0.005, 0.97


def cross_entropy(logits: Any, labels: Any) -> Any:
    """Mean over the batch of -log p(label), natural log; logits (n, classes) float32, labels (n,) int64."""
    return keras.tf.reduce_mean(keras.tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))


def cross_entropy_of(logits: Any, targets: Tensors, label_smoothing: float = 0.0) -> Any:
    """``cross_entropy`` of targets by name; of mixed classes, the shares' mean of that of both labels.

    With ``label_smoothing`` e the target is (1 - e) * label + e / classes (Szegedy, Vanhoucke, Ioffe, Shlens and Wojna,
    "Rethinking the Inception Architecture for Computer Vision", CVPR 2016, section 7).
    """
    tf = keras.tf
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets["labels"], logits)
    if "other_labels" in targets:
        others = tf.nn.sparse_softmax_cross_entropy_with_logits(targets["other_labels"], logits)
        losses = targets["shares"] * losses + (1 - targets["shares"]) * others
    if label_smoothing:
        of_all = -tf.reduce_mean(tf.nn.log_softmax(logits), axis=-1)
        losses = (1 - label_smoothing) * losses + label_smoothing * of_all
    return tf.reduce_mean(losses)


def accuracy(logits: Any, labels: Any) -> Any:
    """Fraction of a training batch whose largest logit is the label's, as a float32 tensor."""
    tf = keras.tf
    return tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, axis=-1), labels), tf.float32))


@config
class Classification(OfLogits):
    """One class per image."""

    name: Literal["classification"] = "classification"

    METRICS: ClassVar[tuple[Metric, ...]] = (
        Metric("top1", "top-1", "%", 100.0, 2, is_share=True),
        Metric("top5", "top-5", "%", 100.0, 2, is_share=True, in_table=False),
        Metric("nll", "negative log-likelihood", "nats", 1.0, 4, "lower", in_table=False),
        Metric("brier", "Brier score", "", 1.0, 4, "lower", in_table=False),
        Metric("ece", "expected calibration error", "%", 100.0, 2, "lower", in_table=False),
        Metric("temperature", "temperature that fits the validation split", "", 1.0, None, "", in_table=False),
        Metric("nll_scaled", "negative log-likelihood, temperature fitted", "nats", 1.0, 4, "lower", in_table=False),
        Metric("ece_scaled", "expected calibration error, temperature fitted", "%", 100.0, 2, "lower", in_table=False),
    )
    CLOSENESS: ClassVar[Metric] = Metric("agreement", "agreement", "%", 100.0, 2, is_share=True)
    OUTPUTS: ClassVar[tuple[Output, ...]] = (Output("logits", "probabilities", "softmax probabilities", "SOFTMAX"),)

    def fitted(self, data: Dataset, learns: bool = True) -> Self:
        if not isinstance(data.train.targets, ClassIndices):
            raise UserError(f"{data.name} does not have one class per example, which classification needs")
        return self

    def own_end(self, network: Any, name: str) -> Any:
        return ends.classifier(network, name)

    def check_outputs(self, shapes: Mapping[str, tuple[int | None, ...]], name: str, width: int | None) -> None:
        own = width_of(shapes)
        if own == 1:
            raise UserError(
                f"{name}: the network gives one number per image, but classification needs at least two classes"
            )
        if own < 1:
            raise UserError(
                f"{name} gives outputs of shape {only(shapes)[1:]}, but classification needs one row of class "
                "scores per image"
            )
        if width is not None and own != width:
            raise UserError(f"{name} has {own} classes, but the data have {width}")

    def loss(self, outputs: Tensors, targets: Tensors, weight: float = 1.0) -> Any:
        """The cross-entropy."""
        return weight * cross_entropy_of(outputs["logits"], targets)

    def logs(self, outputs: Tensors, targets: Tensors) -> dict[str, Any]:
        return {"accuracy": accuracy(outputs["logits"], targets["labels"])}

    def from_file(self, outputs: Arrays, ends_in: str = "") -> Arrays:
        """Logits as they are; of probabilities their natural logarithms, float64 (n, classes)."""
        values = only(outputs)
        if "logits" in outputs or not are_probabilities(values, ends_in or ("SOFTMAX" * ("probabilities" in outputs))):
            return {"logits": values}
        return {"logits": confidence.log_probabilities(values, probabilities=True)}

    def score(self, outputs: Arrays, targets: Arrays) -> float:
        return classification.top1(outputs["logits"], targets["labels"])

    def lacks(self, targets: Arrays) -> str:
        return ""

    def measure(
        self, outputs: Arrays, targets: Arrays, validation_outputs: Arrays, validation_targets: Arrays
    ) -> dict[str, float | None]:
        return confidence.measure(
            validation_outputs["logits"], validation_targets["labels"], outputs["logits"], targets["labels"]
        )

    def details(self, outputs: Arrays, targets: Arrays) -> dict[str, Any]:
        """The bins of the reliability diagram."""
        log_p = confidence.log_probabilities(outputs["logits"])
        return {"reliability": confidence.reliability(log_p, targets["labels"])}

    def close(self, outputs: Arrays, others: Arrays) -> float:
        """The fraction of images of which both say the same class."""
        return classification.agreement(outputs["logits"], others["logits"])

    def departure(self, wanted: Arrays, got: Arrays, targets: Arrays, precision: str) -> Departure:
        """Of classes and of probabilities (docs/decisions/0006 and 0021)."""
        count, labels = len(got["logits"]), targets["labels"]
        top1, network_top1 = (classification.top1(outputs["logits"], labels) for outputs in (got, wanted))
        same = self.close(got, wanted)
        own, of_file = (np.exp(confidence.log_probabilities(outputs["logits"])) for outputs in (wanted, got))
        difference = Difference.of(own, of_file, BOUNDS)
        reason = difference.reason(wanted["logits"], precision)
        lost, differing = abs(top1 - network_top1) * count, (1 - same) * count
        if lost > tolerated(MOST_TOP1_LOST, count) or differing > tolerated(1 - LEAST_AGREEMENT, count):
            reason = (
                f"the file has {top1:.2%} top-1 on the test split and the Keras network {network_top1:.2%}; "
                f"they agree on {same:.2%} of the images (at least {LEAST_AGREEMENT:.0%} wanted)"
            )
        return Departure(difference.facts(), reason, difference.note())

    def answers(self, outputs: Arrays, targets: Arrays) -> Answers | None:
        log_p = confidence.log_probabilities(outputs["logits"])
        return Answers(
            right=classification.top1(log_p, targets["labels"]),
            confidence=float(np.exp(log_p.max(axis=-1)).mean()),
            nll=confidence.nll(log_p, targets["labels"]),
            spread=float(np.mean(log_p.max(axis=-1) - log_p.mean(axis=-1))),
            count=len(log_p),
        )

    def chance(self, targets: Arrays) -> float:
        """The share of the most frequent class."""
        return float(np.bincount(targets["labels"]).max() / len(targets["labels"]))

    def ignorance(self, outputs: Arrays, targets: Arrays) -> str:
        right, count, chance = self.score(outputs, targets), len(targets["labels"]), self.chance(targets)
        if chance == 1:  # images of one class tell nothing
            return ""
        return f"gets {right:.1%} of {count} validation images right" * at_chance(right, count, chance)

    def collapse(self, outputs: Arrays, targets: Arrays) -> str:
        alike = np.ptp(outputs["logits"].argmax(axis=-1)) == 0 < np.ptp(targets["labels"])
        return "predicts the same class for every test image" * bool(alike)

    def describe(
        self, outputs: Arrays, label_names: tuple[str, ...], top: int, images: Sequence[Fitted] | None = None
    ) -> list[str]:
        """The likeliest classes with their probabilities."""
        lines = []
        for row in np.exp(confidence.log_probabilities(outputs["logits"])):
            best = np.argsort(-row, kind="stable")[:top]
            lines.append(", ".join(f"{label_names[index]} ({row[index]:.1%})" for index in best))
        return lines

    def as_json(
        self, outputs: Arrays, label_names: tuple[str, ...], images: Sequence[Fitted] | None = None
    ) -> list[dict[str, Any]]:
        """``probabilities`` of the classes."""
        return [
            {"probabilities": by_name(label_names, row)}
            for row in np.exp(confidence.log_probabilities(outputs["logits"]))
        ]


def are_probabilities(outputs: np.ndarray, ends_in: str = "") -> bool:
    """Whether rows (n, classes) are probabilities or sigmoids rather than logits.

    ``ends_in``: the operator at the end, where it is known; else rows that sum to 1 are taken for probabilities.
    """
    sums_to_1 = bool(np.all(outputs >= 0)) and np.allclose(outputs.sum(axis=-1), 1, atol=1e-3)
    return ends_in in ("SOFTMAX", "LOGISTIC") or sums_to_1
