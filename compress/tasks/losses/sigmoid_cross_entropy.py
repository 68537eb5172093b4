"""The usual loss on sets of classes."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from compress.config import Fraction, config
from compress.tasks import multi_label


@config
class SigmoidCrossEntropy:
    """weight * mean over the batch and the classes of -log of the probability of the true state (present or absent),
    natural logarithm.

    With ``label_smoothing`` e the target is 1 - e / 2 for a class that is present and e / 2 for another, as in Keras's
    BinaryCrossentropy after Szegedy et al. (CVPR 2016).
    """

    TASKS: ClassVar[tuple[str, ...]] = ("multi_label",)
    TAKES_MIXED: ClassVar[bool] = True
    name: Literal["sigmoid_cross_entropy"] = "sigmoid_cross_entropy"
    label_smoothing: Fraction = 0.0
    """Label smoothing e: the target of a class is 1 - e / 2 where it is present and e / 2 where it is not."""

    def loss(self, outputs: Mapping[str, Any], targets: Mapping[str, Any], weight: float = 1.0) -> Any:
        """See ``Loss.loss``."""
        present = (1 - self.label_smoothing) * targets["present"] + self.label_smoothing / 2
        return weight * multi_label.sigmoid_cross_entropy(outputs["logits"], present)
