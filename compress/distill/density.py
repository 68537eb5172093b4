"""A student that counts learns from the density maps of its teachers.

(1 - alpha) * original loss + alpha * distillation loss, both mean squared errors of maps, as in the distillation of
M-SFANet into MCNN; alpha is the weight of the teacher. Maps of several resolutions are compared at the coarser one,
whose cells are sums, so that no count is lost. With one grid this is, but for a constant, training on a blended map:
with targets g, teacher t, student s and b = (1 - alpha) g + alpha t,
(1 - alpha) |s - g|^2 + alpha |s - t|^2 = |s - b|^2 + alpha (1 - alpha) |g - t|^2.
"""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from compress import keras
from compress.config import config
from compress.distill.phase import Phase
from compress.distill.usual import Usual
from compress.errors import UserError
from compress.tasks import Task
from compress.tasks.density import coarser, coarsest
from compress.tasks.named import named
from compress.tasks.objective import Loss


@config
class Density(Usual):
    """``distillation_loss_weight`` is alpha, from 0 to 1; the loss on targets has the weight 1 - alpha. With several
    teachers, the distances to each are averaged."""

    name: Literal["density"] = "density"
    distillation_loss_weight: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Weight alpha of the distance to the teachers' density maps; the loss on targets has the weight 1 - alpha."""
    TASKS: ClassVar[tuple[str, ...]] = ("counting",)
    SAME_SHAPES: ClassVar[bool] = False

    def phases(self, teachers: Sequence[Any], student: Any, epochs: int, task: Task, loss: Loss) -> list[Phase]:
        """One phase. Raises UserError for a teacher's map whose cells lie across those of the student's."""
        for teacher in teachers:
            own, other = student.output_shape[1:3], teacher.output_shape[1:3]
            if any(max(sides) % min(sides) for sides in zip(own, other, strict=True)):
                raise UserError(
                    f"the density maps of {teacher.name}, {other}, and of {student.name}, {own}, cannot be reduced to "
                    "a common grid"
                )

        def objective(network: Any, images: Any, targets: Any) -> tuple[Any, dict[str, Any]]:
            tf = keras.tf
            said = [named(task, teacher(images, training=False))["density"] for teacher in teachers]
            outputs = named(task, network(images, training=True))
            distances = [distance(task, tf.stop_gradient(density), outputs["density"], targets) for density in said]
            alpha = self.distillation_loss_weight
            total = loss(outputs, targets, 1 - alpha) + alpha * tf.add_n(distances) / len(distances)
            return total, task.logs(outputs, targets)

        return [Phase("distill", student, objective, epochs)]


def distance(task: Any, teacher: Any, student: Any, targets: Any) -> Any:
    """Mean squared error of two maps (n, h, w, 1) at the coarser of their grids, in multiples of the usual density."""
    grid = coarsest(teacher, student)
    difference = coarser(student, grid) - coarser(teacher, grid)
    return keras.tf.reduce_mean(keras.tf.square(task.in_multiples(difference, targets)))
