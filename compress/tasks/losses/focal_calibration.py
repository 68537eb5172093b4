"""Cross-entropy with a focal term, which makes a network less sure of itself: Mukhoti, Kulharia, Sanyal, Golodetz,
Torr and Dokania, "Calibrating Deep Neural Networks using Focal Loss", NeurIPS 2020."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from compress import keras
from compress.config import NotNegative, config
from compress.tasks.classification import cross_entropy

UNSURE, UNSURE_EXPONENT = 0.2, 5.0  # FLSD-53 (section 5): 5 where p(label) < 0.2


def focal(logits: Any, labels: Any, focusing_exponent: float, sample_dependent: bool = False) -> Any:
    """Mean over the batch of -(1 - p)^exponent * log p, natural log, p the softmax's probability of the label (Lin et
    al., 2017, equation 4).

    logits (n, classes) float32, labels (n,) int64; ``focusing_exponent`` at least 1: below, the gradient at p = 1 is
    infinite. Finite, and so is its gradient, for all logits whose differences are.
    """
    tf = keras.tf
    log_p = tf.gather(tf.nn.log_softmax(logits), labels, axis=-1, batch_dims=1)
    # as 1 - exp loses its digits where p is near 1; and never below 0, where a power has no value
    other = tf.maximum(-tf.math.expm1(log_p), 0.0)
    exponent = exponents(tf.exp(log_p), focusing_exponent) if sample_dependent else focusing_exponent
    return tf.reduce_mean(-tf.pow(other, exponent) * log_p)


def exponents(p: Any, focusing_exponent: float) -> Any:
    """The exponent of each sample by its p(label), float32 (n,): 5 below 0.2, else ``focusing_exponent``."""
    return keras.tf.where(p < UNSURE, UNSURE_EXPONENT, focusing_exponent)


@config
class FocalCalibration:
    """weight * cross-entropy + focal_weight * focal loss. Samples of which the network is sure have less weight, so
    that it does not become more and more confident."""

    TASKS: ClassVar[tuple[str, ...]] = ("classification",)
    TAKES_MIXED: ClassVar[bool] = False
    name: Literal["focal_calibration"] = "focal_calibration"
    focal_weight: NotNegative = 0.1
    """Weight of the focal loss, which is added to the cross-entropy."""
    focusing_exponent: float = Field(default=3.0, ge=1)
    """Exponent gamma of the focal loss; a larger one weighs confident samples less."""
    sample_dependent: bool = False
    """Whether the exponent depends on the sample (FLSD-53): it is 5 where the label's probability is below 0.2."""

    def loss(self, outputs: Mapping[str, Any], targets: Mapping[str, Any], weight: float = 1.0) -> Any:
        """See ``Loss.loss``."""
        logits, labels = outputs["logits"], targets["labels"]
        focal_loss = focal(logits, labels, self.focusing_exponent, self.sample_dependent)
        return weight * cross_entropy(logits, labels) + self.focal_weight * focal_loss
