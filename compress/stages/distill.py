"""Trains a student with one teacher or several."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

import numpy as np
from pydantic import Field

from compress.config import config
from compress.distill import METHODS, Method
from compress.errors import UserError
from compress.results import NetworkFacts
from compress.stages.base import Context
from compress.stages.network import NetworkStage
from compress.stages.save_and_evaluate import save_and_evaluate
from compress.stages.serving import Serving
from compress.tasks import Task
from compress.tasks.named import shapes
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

    @property
    def compares_layers(self) -> bool:
        return bool(getattr(self.method, "layers", None))

    def check_teachers(self, teachers: Sequence[str | None], own: str | None) -> None:
        self.method.check(teachers, own, self.epochs)

    def check_layers(self, teacher: Any, context: Context) -> None:
        self.method.phases([teacher], self.network(context), self.epochs, context.task, self.loss(context.task))

    def make(self, context: Context, out: Path, scratch: Path) -> NetworkFacts:
        student = self.network(context)
        teachers, data = self._teaching(context, student)
        serving = Serving(student, context)
        first = 0
        for phase in self.method.phases(teachers, student, self.epochs, context.task, self.loss(context.task)):
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
        return save_and_evaluate(serving, context, out, scratch, "float32")

    def check_task(self, task: Task) -> None:
        super().check_task(task)
        if self.method.TASKS and task.name not in self.method.TASKS:
            raise UserError(f'method "{self.method.name}" is for {", ".join(self.method.TASKS)}, not for {task.name}')

    def _teaching(self, context: Context, student: Any) -> tuple[Sequence[Any], Data]:
        """The teachers' networks, and the training data; their outputs instead where images never change."""
        wanted = _of_one(shapes(context.task, student))
        data = replace(context.data, per_batch_inputs=self.method.per_batch_inputs(len(self.teachers)))
        if self.method.FROM_OUTPUTS and not context.augmentation.changes_images:
            with context.clock("teachers"):
                taught = [context.training_outputs(name) for name in self.teachers]
            for name, outputs in zip(self.teachers, taught, strict=True):
                self._check_shapes(name, _of_one({key: values.shape for key, values in outputs.items()}), wanted)
            rows = {f"teacher_{key}": np.stack([outputs[key] for outputs in taught], axis=1) for key in wanted}
            return (), replace(data, per_image_inputs=rows)
        networks = [context.load(name) for name in self.teachers]
        for name, network in zip(self.teachers, networks, strict=True):
            self._check_shapes(name, _of_one(shapes(context.task, network)), wanted)
            network.trainable = False
        return networks, data

    def _check_shapes(
        self, teacher: str, theirs: Mapping[str, tuple[int | None, ...]], wanted: Mapping[str, tuple[int | None, ...]]
    ) -> None:
        """Raises UserError for a teacher whose outputs are of other shapes than the student's."""
        for key, shape in wanted.items():
            if theirs.get(key) != shape:
                raise UserError(
                    f"stage {self.name!r}: the {key} of the teacher {teacher!r} are of shape {theirs.get(key)}, the "
                    f"student's of {shape}"
                )


def _of_one(shapes: Mapping[str, tuple[int | None, ...]]) -> dict[str, tuple[int | None, ...]]:
    """Shapes without the batch."""
    return {name: shape[1:] for name, shape in shapes.items()}
