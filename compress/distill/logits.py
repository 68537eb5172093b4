"""Soft-label distillation: Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015."""

from typing import Any, Literal

from compress import keras
from compress.config import NotNegative, Positive, config
from compress.distill.phase import Phase
from compress.tasks import classification


def kl_divergence(teacher_logits: Any, student_logits: Any, temperature: float) -> Any:
    """KL(p(teacher / T) || p(student / T)), natural log: summed over classes, mean over the batch (section 2).

    Both (n, classes) float32. Computed from log-softmax, so no probability is ever clipped.
    """
    tf = keras.tf
    teacher = tf.nn.log_softmax(teacher_logits / temperature)
    student = tf.nn.log_softmax(student_logits / temperature)
    return tf.reduce_mean(tf.reduce_sum(tf.exp(teacher) * (teacher - student), axis=-1))


@config
class Logits:
    """student_loss_weight * cross-entropy + distillation_loss_weight * T^2 * KL(teacher || student).

    T^2 keeps the gradient's size when the temperature changes; ``scale_by_temperature_squared = false`` leaves it out.
    """

    name: Literal["logits"] = "logits"
    temperature: Positive = 4.0
    student_loss_weight: NotNegative = 0.1
    distillation_loss_weight: NotNegative = 0.9
    scale_by_temperature_squared: bool = True

    def check(self, teacher: str | None, student: str | None, epochs: int) -> None:
        """Any teacher of the same classes will do."""

    def loss(self, teacher_logits: Any, student_logits: Any, labels: Any) -> Any:
        """The scalar loss of a batch; labels (n,) int64."""
        scale = self.temperature**2 if self.scale_by_temperature_squared else 1.0
        divergence = kl_divergence(teacher_logits, student_logits, self.temperature)
        return (
            self.student_loss_weight * classification.cross_entropy(student_logits, labels)
            + self.distillation_loss_weight * scale * divergence
        )

    def phases(self, teacher: Any, student: Any, epochs: int) -> list[Phase]:
        """One phase; the teacher only infers and gets no gradient."""

        def objective(network: Any, images: Any, labels: Any) -> tuple[Any, dict[str, Any]]:
            wanted = keras.tf.stop_gradient(teacher(images, training=False))
            logits = network(images, training=True)
            return self.loss(wanted, logits, labels), {"accuracy": classification.accuracy(logits, labels)}

        return [Phase("distill", student, objective, epochs)]
