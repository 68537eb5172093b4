"""Soft-label distillation: Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015.

Of several teachers, too (``combine``): chains of assistants differ in who teaches whom, and in nothing else.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from compress import keras
from compress.config import NotNegative, Positive, config
from compress.distill.combine import COMBINE
from compress.distill.phase import Phase
from compress.distill.usual import Usual
from compress.errors import UserError
from compress.tasks import Task
from compress.tasks.named import named
from compress.tasks.objective import Loss
from compress.training.settings import Draw


@config
class Logits(Usual):
    """student_loss_weight * loss on labels + distillation_loss_weight * T^2 * KL(teacher || student).

    T^2 keeps the size of the gradient when the temperature changes; ``scale_by_temperature_squared = false`` leaves it
    out. With several teachers, "each" gives one term per teacher, and "mean_logits" and "mean_probabilities" average
    them into one. ``drop_teachers`` leaves that many teachers out of each batch at random; it needs "each".
    """

    name: Literal["logits"] = "logits"
    temperature: Positive = 4.0
    """Temperature T by which logits are divided before the softmax; a higher one gives more weight to unlikely
    classes."""
    student_loss_weight: NotNegative | None = None
    """Weight of the loss on labels. Default: 1 - distillation_loss_weight."""
    distillation_loss_weight: NotNegative = 0.9
    """Weight of the divergence from the teachers."""
    scale_by_temperature_squared: bool = True
    """Whether the divergence is multiplied by T^2, which keeps the size of its gradient when T changes."""
    combine: Literal["each", "mean_logits", "mean_probabilities"] = "each"
    """How several teachers are combined: each gives one term per teacher, mean_logits and mean_probabilities average
    them first."""
    drop_teachers: int = Field(default=0, ge=0)
    """Number of teachers left out of each batch at random; needs combine = "each"."""
    TASKS: ClassVar[tuple[str, ...]] = ("classification",)
    FROM_OUTPUTS: ClassVar[bool] = True
    """It learns from the teachers' logits alone, which can be computed once."""

    def check(self, teachers: Sequence[str | None], student: str | None, epochs: int) -> None:
        """See ``Method.check``; any teachers of the same classes will do."""
        super().check(teachers, student, epochs)
        if self.student_loss_weight is None and self.distillation_loss_weight > 1:
            raise UserError("distillation_loss_weight is greater than 1: give student_loss_weight, too")
        if self.drop_teachers and self.combine != "each":
            raise UserError('drop_teachers needs combine = "each"')
        if self.drop_teachers and self.drop_teachers >= len(teachers):
            raise UserError(
                f"drop_teachers = {self.drop_teachers} must be less than the number of teachers ({len(teachers)})"
            )

    def per_batch_inputs(self, teachers: int) -> Mapping[str, Draw]:
        """What the objective gets anew with each batch: who teaches it, as 1 or 0 a teacher."""
        if not self.drop_teachers:
            return {}

        def weights(rng: np.random.Generator, examples: np.ndarray) -> np.ndarray:
            chosen = np.ones(teachers, np.float32)
            chosen[rng.choice(teachers, self.drop_teachers, replace=False)] = 0
            return chosen

        return {"teacher_weights": weights}

    def loss(self, teacher_logits: Any, outputs: Any, targets: Any, loss: Loss, teacher_weights: Any = None) -> Any:
        """The scalar loss of a batch: teachers' logits (n, teachers, classes), the student's raw outputs and targets by
        name, and the loss on these. ``teacher_weights``: float32 (teachers,), with combine = "each".
        """
        scale = self.temperature**2 if self.scale_by_temperature_squared else 1.0
        weights = {} if teacher_weights is None else {"weights": teacher_weights}
        divergence = COMBINE[self.combine](teacher_logits, outputs["logits"], self.temperature, **weights)
        own = self.student_loss_weight if self.student_loss_weight is not None else 1 - self.distillation_loss_weight
        return loss(outputs, targets, own) + self.distillation_loss_weight * scale * divergence

    def phases(self, teachers: Sequence[Any], student: Any, epochs: int, task: Task, loss: Loss) -> list[Phase]:
        """One phase; the teachers only infer and get no gradient.

        None are needed where the objective is given their logits, ``teacher_logits`` (n, teachers, classes).
        """

        def objective(
            network: Any, images: Any, targets: Any, teacher_logits: Any = None, teacher_weights: Any = None
        ) -> tuple[Any, dict[str, Any]]:
            tf = keras.tf
            if teacher_logits is None:
                teacher_logits = tf.stack([teacher(images, training=False) for teacher in teachers], axis=1)
            outputs = named(task, network(images, training=True))
            total = self.loss(tf.stop_gradient(teacher_logits), outputs, targets, loss, teacher_weights)
            return total, task.logs(outputs, targets)

        return [Phase("distill", student, objective, epochs)]
