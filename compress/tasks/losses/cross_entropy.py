"""The usual loss on labels."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from compress.config import Fraction, config
from compress.tasks.classification import cross_entropy_of


@config
class CrossEntropy:
    """weight * cross-entropy: the mean over the batch of -log p(label), natural logarithm.

    With ``label_smoothing`` e the label has the weight 1 - e, and all classes share e evenly (Szegedy et al.,
    "Rethinking the Inception Architecture for Computer Vision", CVPR 2016, use 0.1).
    """

    TASKS: ClassVar[tuple[str, ...]] = ("classification",)
    TAKES_MIXED: ClassVar[bool] = True
    name: Literal["cross_entropy"] = "cross_entropy"
    label_smoothing: Fraction = 0.0
    """Fraction of the label's weight that is spread evenly over all classes."""

    def loss(self, outputs: Mapping[str, Any], targets: Mapping[str, Any], weight: float = 1.0) -> Any:
        """See ``Loss.loss``."""
        return weight * cross_entropy_of(outputs["logits"], targets, self.label_smoothing)
