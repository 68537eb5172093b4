"""Label-guided self-distillation: labels and the student's own features give the features of a teacher.

Zhang, Kang, Wang, Zhao, Zhang and Zhu, "LGD: Label-Guided Self-Distillation for Object Detection", AAAI 2022. What it
needs beside the student is in ``label_guidance``, and is left out in the end: the student's file is that of a student
that was trained by itself.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, Literal

from compress import keras
from compress.config import Count, Fraction, NotNegative, config
from compress.distill.phase import Phase
from compress.distill.pyramid import OfDetectors, Pyramid, mean_square, normalised
from compress.errors import UserError
from compress.tasks import Task
from compress.tasks.named import named
from compress.tasks.objective import Loss


@config
class Lgd(OfDetectors):
    """Detection loss of the student, plus that of the same head on the teacher's features, plus
    ``distillation_loss_weight`` times the mean squared difference of both features, each normalized by image and
    channel.

    During the first fraction ``alone`` of the epochs the student does not learn from that difference (section 3.4 of
    the paper, where it is a sixth). Differences from the paper: it first freezes the student's backbone, which was
    trained before, and that is left out here; no gradient goes from the teacher's loss through the appearance of
    objects into the student.
    """

    name: Literal["lgd"] = "lgd"
    distillation_loss_weight: NotNegative = 1.0
    """Weight of the difference between the features of student and teacher."""
    alone: Fraction = 1 / 6
    """Fraction of the epochs, at the start, in which the student does not learn from the teacher yet."""
    heads: Count = 4
    """Number of attention heads by which the encoded objects attend to one another."""
    TEACHERS: ClassVar[tuple[int, int | None]] = (0, 0)

    def check(self, teachers: Sequence[str | None], student: str | None, epochs: int) -> None:
        super().check(teachers, student, epochs)
        if math.ceil(self.alone * epochs) >= epochs:
            raise UserError(
                f"method.alone = {self.alone:g} leaves no epoch of {epochs} in which the student learns from the "
                "teacher"
            )

    def phases(self, teachers: Any, student: Any, epochs: int, task: Task, loss: Loss) -> list[Phase]:
        """ "alone", then "guided". Raises UserError for a network that is no detector of the registry."""
        from compress.distill.label_guidance import LabelGuidance
        from compress.distill.together import Together

        tf = keras.tf
        pyramid = Pyramid.of(student, self.name)
        classes = int(student.outputs[0].shape[-1])
        guidance = LabelGuidance(pyramid.features.outputs[0].shape[-1], classes, self.heads)
        network = Together(student, guidance)

        def objective(detached: bool, network: Any, images: Any, targets: Any) -> tuple[Any, dict[str, Any]]:
            maps, said = pyramid(images, training=True)
            outputs = named(task, said)
            taught = guidance([tf.stop_gradient(map_) for map_ in maps], targets)
            teacher_outputs = named(task, pyramid.head(taught, training=True))
            own = [tf.stop_gradient(map_) for map_ in maps] if detached else maps
            distance = mean_square(
                [normalised(map_) for map_ in guidance.adapted(own)],
                [tf.stop_gradient(normalised(map_)) for map_ in taught],
            )
            teacher_loss = loss(teacher_outputs, targets)
            total = loss(outputs, targets) + teacher_loss + self.distillation_loss_weight * distance
            return total, {**task.logs(outputs, targets), "teacher_loss": teacher_loss, "distance": distance}

        first = math.ceil(self.alone * epochs)
        parts = [Phase("alone", network, partial(objective, True), first)] if first else []
        return [*parts, Phase("guided", network, partial(objective, False), epochs)]
