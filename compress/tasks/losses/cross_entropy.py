"""The usual loss on labels."""

from typing import Any, Literal

from compress.config import config
from compress.tasks import classification


@config
class CrossEntropy:
    """weight * cross-entropy: mean over the batch of -log p(label), natural log."""

    name: Literal["cross_entropy"] = "cross_entropy"

    def loss(self, logits: Any, labels: Any, weight: float = 1.0) -> Any:
        """See ``Loss.loss``."""
        return weight * classification.cross_entropy(logits, labels)
