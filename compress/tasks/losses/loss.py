"""What a loss on labels is to the stages that train, and to the contract tests."""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable


@runtime_checkable
class Loss(Protocol):
    """A frozen config; its fields are the loss's settings in a pipeline file, ``name`` among them."""

    TASKS: ClassVar[tuple[str, ...]]
    """The names of the tasks that it is for."""

    TAKES_MIXED: ClassVar[bool]
    """Whether it takes the targets of mixed examples (``Mixable.mixed``)."""

    @property
    def name(self) -> str:
        """Under which the loss is registered."""

    def loss(self, outputs: Mapping[str, Any], targets: Mapping[str, Any], weight: float = 1.0) -> Any:
        """The scalar loss of a batch, float32, at least 0.

        Raw outputs and targets by name, as its tasks have them; ``weight`` is that of the usual part of the loss.
        """
