"""The usual loss on labels."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from compress.config import config
from compress.tasks.classification import cross_entropy


@config
class CrossEntropy:
    """weight * cross-entropy: mean over the batch of -log p(label), natural log."""

    TASKS: ClassVar[tuple[str, ...]] = ("classification",)
    name: Literal["cross_entropy"] = "cross_entropy"

    def loss(self, outputs: Mapping[str, Any], targets: Mapping[str, Any], weight: float = 1.0) -> Any:
        """See ``Loss.loss``."""
        return weight * cross_entropy(outputs["logits"], targets["labels"])
