"""Trains a student with a teacher."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import Field

from compress.config import config
from compress.distill import METHODS
from compress.errors import UserError
from compress.stages.base import Context
from compress.stages.finish import TRAINED_BY, Serving, finish
from compress.stages.network import NetworkStage
from compress.training import Training, fit

if TYPE_CHECKING:
    Method = Any
else:  # whatever is registered
    Method = Annotated[Union[tuple(METHODS.values())], Field(discriminator="name")]  # noqa: UP007


@config
class Distill(NetworkStage, Training):
    """``teachers`` names an earlier stage or a SavedModel's folder; ``method`` says how the student learns from it."""

    kind: Literal["distill"] = "distill"
    teachers: tuple[str, ...]
    method: Method
    MADE_BY = (*TRAINED_BY, "stages/distill", "stages/network", "distill", "models")

    def check(self) -> None:
        super().check()
        if len(self.teachers) != 1:
            raise UserError(f"distill takes one teacher, got {len(self.teachers)}")

    def make(self, context: Context, out: Path, scratch: Path) -> dict[str, Any]:
        teacher = context.load(self.teachers[0])
        teacher.trainable = False
        student = self.network(context)
        if teacher.output_shape != student.output_shape:
            raise UserError(
                f"stage {self.name!r}: the teacher {self.teachers[0]!r} has {teacher.output_shape[-1]} classes, "
                f"the student {student.output_shape[-1]}"
            )
        serving = Serving(student, context)
        first = 0
        for phase in self.method.phases(teacher, student, self.epochs):
            with context.clock("training"):
                fit(
                    phase.network,
                    phase.objective,
                    context.data,
                    self,
                    scratch / f"backup-{phase.name}",
                    context.progress,
                    serving.validate,
                    context.callbacks,
                    first,
                    phase.epochs,
                )
            first = phase.epochs
        return finish(serving, context, out, scratch, "float32")
