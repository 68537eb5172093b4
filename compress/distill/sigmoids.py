"""Softened sigmoids: the distillation of several classes an image, each told by itself.

Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015, for a distribution of two values a
class, as in Yang, Xie, Zong, Feng, Niu, Sugiyama and Huang, "Multi-Label Knowledge Distillation", ICCV 2023.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from compress import keras
from compress.config import NotNegative, Positive, config
from compress.distill.phase import Phase
from compress.distill.usual import Usual
from compress.tasks import Task
from compress.tasks.named import named
from compress.tasks.objective import Loss


def bernoulli_kl_divergence(teacher: Any, student: Any, temperature: float) -> Any:
    """Mean over batch and classes of KL(p || q) of two Bernoulli distributions, p = sigmoid(teacher / T) and q =
    sigmoid(student / T), natural log; logits float32 (n, classes)."""
    tf = keras.tf
    z, x = teacher / temperature, student / temperature
    entropies = [tf.nn.sigmoid_cross_entropy_with_logits(tf.sigmoid(z), logits) for logits in (x, z)]
    return tf.reduce_mean(entropies[0] - entropies[1])


@config
class Sigmoids(Usual):
    """student_loss_weight * loss on targets + distillation_loss_weight * T^2 * KL(teacher || student) for each class by
    itself.

    With several teachers, the divergences are averaged.
    """

    name: Literal["sigmoids"] = "sigmoids"
    temperature: Positive = 2.0
    """Temperature T by which logits are divided before the sigmoid."""
    student_loss_weight: NotNegative = 0.5
    """Weight of the loss on targets."""
    distillation_loss_weight: NotNegative = 0.5
    """Weight of the divergence from the teachers."""
    TASKS: ClassVar[tuple[str, ...]] = ("multi_label",)
    FROM_OUTPUTS: ClassVar[bool] = True

    def phases(self, teachers: Sequence[Any], student: Any, epochs: int, task: Task, loss: Loss) -> list[Phase]:
        """One phase; none of the teachers is needed where the objective is given ``teacher_logits``."""

        def objective(
            network: Any, images: Any, targets: Any, teacher_logits: Any = None
        ) -> tuple[Any, dict[str, Any]]:
            tf = keras.tf
            if teacher_logits is None:
                teacher_logits = tf.stack([teacher(images, training=False) for teacher in teachers], axis=1)
            outputs = named(task, network(images, training=True))
            student_logits = tf.broadcast_to(outputs["logits"][:, None], tf.shape(teacher_logits))
            distilled = bernoulli_kl_divergence(tf.stop_gradient(teacher_logits), student_logits, self.temperature)
            own = loss(outputs, targets, self.student_loss_weight)
            total = own + self.distillation_loss_weight * self.temperature**2 * distilled
            return total, task.logs(outputs, targets)

        return [Phase("distill", student, objective, epochs)]
