"""What a student learns from in a stage: its teachers' networks, or their outputs, which are computed once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Union

import numpy as np
from pydantic import Field

from compress.distill import METHODS, Method
from compress.errors import UserError
from compress.stages.base import Context
from compress.stages.examples import training_data
from compress.tasks import Task
from compress.tasks.named import shapes
from compress.training import Data, Training

if TYPE_CHECKING:
    AnyMethod = Method
else:  # whatever is registered
    AnyMethod = Annotated[Union[tuple(METHODS.values())], Field(discriminator="name")]  # noqa: UP007

Shapes = Mapping[str, tuple[int | None, ...]]


def check_teachers(teachers: Sequence[str]) -> None:
    """Raises UserError for one that is named twice."""
    if doubled := {name for name in teachers if teachers.count(name) > 1}:
        raise UserError(f"teacher {min(doubled)!r} is listed twice")


def check_method_for(task: Task, method: Method) -> None:
    """Raises UserError for a method that is not for the task."""
    if method.TASKS and task.name not in method.TASKS:
        raise UserError(
            f'method "{method.name}" is for the task {", ".join(method.TASKS)}, but the task is {task.name}'
        )


def teaching(
    stage: str, teachers: Sequence[str], method: Method, context: Context, student: Any, training: Training
) -> tuple[Sequence[Any], Data]:
    """The teachers' networks, and the training data; their outputs instead where images never change.

    Raises UserError, which names the ``stage``, for a teacher whose outputs are of other shapes than the student's.
    """
    wanted = _of_one(shapes(context.task, student))
    drawn = method.per_batch_inputs(len(teachers))
    if method.FROM_OUTPUTS and not context.changes_images(training):
        with context.clock("teachers"):
            taught = [context.training_outputs(name) for name in teachers]
        for name, outputs in zip(teachers, taught, strict=True):
            _check_shapes(stage, name, _of_one({key: values.shape for key, values in outputs.items()}), wanted)
        rows = {f"teacher_{key}": np.stack([outputs[key] for outputs in taught], axis=1) for key in wanted}
        return (), replace(context.data, per_image_inputs=rows, per_batch_inputs=drawn)
    networks = [context.load(name) for name in teachers]
    for name, network in zip(teachers, networks, strict=True):
        if method.SAME_SHAPES:
            _check_shapes(stage, name, _of_one(shapes(context.task, network)), wanted)
        network.trainable = False
    return networks, replace(training_data(context, [student, *networks], training), per_batch_inputs=drawn)


def _check_shapes(stage: str, teacher: str, theirs: Shapes, wanted: Shapes) -> None:
    for key, shape in wanted.items():
        if theirs.get(key) != shape:
            raise UserError(
                f"stage {stage!r}: the {key} of the teacher {teacher!r} have the shape {theirs.get(key)}, but the "
                f"student's have {shape}"
            )


def _of_one(shapes: Shapes) -> dict[str, tuple[int | None, ...]]:
    """Shapes without the batch."""
    return {name: shape[1:] for name, shape in shapes.items()}
