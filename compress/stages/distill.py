"""Trains a student with one teacher or several."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

import numpy as np
from pydantic import Field

from compress.config import config
from compress.distill import METHODS, Method
from compress.errors import UserError
from compress.stages.base import Context
from compress.stages.finish import Serving, finish
from compress.stages.network import NetworkStage
from compress.training import Data, Training, fit

if TYPE_CHECKING:
    AnyMethod = Method
else:  # whatever is registered
    AnyMethod = Annotated[Union[tuple(METHODS.values())], Field(discriminator="name")]  # noqa: UP007


@config
class Distill(NetworkStage, Training):
    """``teachers`` names earlier stages or SavedModels' folders; ``method`` says how the student learns from them."""

    kind: Literal["distill"] = "distill"
    teachers: tuple[str, ...]
    method: AnyMethod

    def check(self) -> None:
        super().check()
        if not self.teachers:
            raise UserError("distill needs a teacher")
        if doubled := {name for name in self.teachers if self.teachers.count(name) > 1}:
            raise UserError(f"teacher {min(doubled)!r} is named twice")

    def make(self, context: Context, out: Path, scratch: Path) -> dict[str, Any]:
        student = self.network(context)
        teachers, data = self._teaching(context, student.output_shape[-1])
        serving = Serving(student, context)
        first = 0
        for phase in self.method.phases(teachers, student, self.epochs, self.label_loss):
            with context.clock("training"):
                fit(
                    phase.network,
                    phase.objective,
                    data,
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

    def _teaching(self, context: Context, classes: int) -> tuple[Sequence[Any], Data]:
        """The teachers' networks, and the training data; their logits stand there instead where images never change."""
        data = replace(context.data, drawn=self.method.drawn(len(self.teachers)))
        if self.method.FROM_OUTPUTS and not context.augmentation.changes_images:
            with context.clock("teachers"):
                logits = [context.training_logits(name) for name in self.teachers]
            self._check_classes([values.shape[-1] for values in logits], classes)
            return (), replace(data, with_images={"teacher_logits": np.stack(logits, axis=1)})
        networks = [context.load(name) for name in self.teachers]
        self._check_classes([network.output_shape[-1] for network in networks], classes)
        for network in networks:
            network.trainable = False
        return networks, data

    def _check_classes(self, theirs: Sequence[int], classes: int) -> None:
        for name, count in zip(self.teachers, theirs, strict=True):
            if count != classes:
                raise UserError(f"stage {self.name!r}: the teacher {name!r} has {count} classes, the student {classes}")
