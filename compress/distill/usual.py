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
    TEACHERS: ClassVar[tuple[int, int | None]] = (1, None)
    WEAK_LABELS: ClassVar[bool] = False

    def check(self, teachers: Sequence[str | None], student: str | None, epochs: int) -> None:
        least, most = self.TEACHERS
        if len(teachers) < least:
            raise UserError(f"the method {self.name} needs a teacher: give teachers")
        if most is not None and len(teachers) > most:
            raise UserError(
                f"the method {self.name} takes at most {most} teacher{'s' * (most > 1)}, got {len(teachers)}"
                if most
                else f"the method {self.name} takes no teacher: the network teaches itself"
            )

    def check_network(self, student: Any) -> None:
        pass

    def check_teacher(self, teacher: Any, student: Any) -> None:
        pass

    def per_batch_inputs(self, teachers: int) -> Mapping[str, Draw]:
        return {}

    def prepared(self, student: Any) -> Any:
        return student
