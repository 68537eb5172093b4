"""What most methods have in common; each changes what is different in it."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from compress.errors import UserError
from compress.training.settings import Draw


class Usual:
    """The part of a ``Method`` that learns from networks, whose outputs are of the same shapes, with nothing to check,
    nothing that goes with a batch, and no layer of its own in the student."""

    name: str
    TASKS: ClassVar[tuple[str, ...]] = ()
    FROM_OUTPUTS: ClassVar[bool] = False
    SAME_SHAPES: ClassVar[bool] = True
    HAS_TEACHERS: ClassVar[bool] = True

    def check(self, teachers: Sequence[str | None], student: str | None, epochs: int) -> None:
        if self.HAS_TEACHERS and not teachers:
            raise UserError(f"{self.name} needs a teacher")
        if not self.HAS_TEACHERS and teachers:
            raise UserError(f"{self.name} teaches a network by itself: it takes no teacher")

    def per_batch_inputs(self, teachers: int) -> Mapping[str, Draw]:
        return {}

    def prepared(self, student: Any) -> Any:
        return student
