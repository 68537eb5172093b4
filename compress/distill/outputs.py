"""Mean squared error between outputs: the distillation of any task whose networks give arrays of one shape.

Ba and Caruana, "Do Deep Nets Really Need to be Deep?", NeurIPS 2014 (of logits); numbers are compared in deviations of
their targets.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from compress import keras
from compress.config import NotNegative, config
from compress.distill.phase import Phase
from compress.distill.usual import Usual
from compress.tasks import Task
from compress.tasks.named import named, names
from compress.tasks.objective import Loss


def squared_distance(teachers: Any, student: Any) -> Any:
    """Mean over batch, teachers and values of the squared difference; (n, teachers, ...) and (n, ...), float32."""
    return keras.tf.reduce_mean(keras.tf.square(student[:, None] - teachers))


@config
class Outputs(Usual):
    """student_loss_weight * loss on targets + distillation_loss_weight * mean squared distance to the teachers."""

    name: Literal["outputs"] = "outputs"
    student_loss_weight: NotNegative = 0.5
    """Weight of the loss on targets."""
    distillation_loss_weight: NotNegative = 0.5
    """Weight of the mean squared distance to the teachers' outputs."""
    FROM_OUTPUTS: ClassVar[bool] = True

    def phases(self, teachers: Sequence[Any], student: Any, epochs: int, task: Task, loss: Loss) -> list[Phase]:
        """One phase; the teachers are not needed where the objective is given their outputs, ``teacher_<output>``."""
        keys = names(task)

        def objective(network: Any, images: Any, targets: Any, **taught: Any) -> tuple[Any, dict[str, Any]]:
            tf = keras.tf
            if not taught:
                said = [named(task, teacher(images, training=False)) for teacher in teachers]
                taught = {f"teacher_{name}": tf.stack([each[name] for each in said], axis=1) for name in keys}
            outputs = named(task, network(images, training=True))
            student_outputs = task.in_deviations(outputs)
            teacher_outputs = task.in_deviations({name: tf.stop_gradient(taught[f"teacher_{name}"]) for name in keys})
            distances = [squared_distance(teacher_outputs[name], student_outputs[name]) for name in keys]
            own = loss(outputs, targets, self.student_loss_weight)
            return own + self.distillation_loss_weight * tf.add_n(distances), task.logs(outputs, targets)

        return [Phase("distill", student, objective, epochs)]
