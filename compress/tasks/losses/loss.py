"""What a loss on labels is to the stages that train, and to the contract tests."""

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Loss(Protocol):
    """A frozen config; its fields are the loss's settings in a pipeline file, ``name`` among them."""

    @property
    def name(self) -> str:
        """Under which the loss is registered."""

    def loss(self, logits: Any, labels: Any, weight: float = 1.0) -> Any:
        """The scalar loss of a batch, float32, at least 0.

        ``logits`` float32 (n, classes), ``labels`` int64 (n,) in [0, classes); ``weight`` is that of the cross-entropy.
        """
