"""Activation-boundary distillation: Heo, Lee, Yun and Choi, "Knowledge Transfer via Distillation of Activation
Boundaries Formed by Hidden Neurons", AAAI 2019.

The student first learns which hidden neurons the teacher switches on (equation 4: a squared hinge on pre-activations,
no labels), then it trains on labels alone. A 1x1 convolution and a batch norm connect maps of different widths.
"""

import re
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from compress import keras
from compress.config import Count, Positive, config
from compress.distill.phase import Phase
from compress.distill.usual import Usual
from compress.errors import UserError
from compress.models.taps import taps
from compress.tasks import Task
from compress.tasks.objective import Loss, objective

# the first batch norm of each dense block: what the main paper supervises (Shin and Oh, 2022, section 6.4)
DENSENET_LAYERS = tuple((f"conv{block}_block1_0_bn",) * 2 for block in (2, 3, 4, 5))
MEAN_SCALE = 49.15  # 3/1000 * 16384: what the authors' sum comes to for each layer of their WRN-22-4


def boundary_loss(teacher: Any, student: Any, margin: float = 1.0) -> Any:
    """Squared hinge of each neuron, in the shape of the maps: where the teacher is on (> 0) the student should
    reach +margin, where it is off (0 counts as off) -margin. Only the teacher's signs are used."""
    tf = keras.tf
    on = tf.cast(tf.stop_gradient(teacher) > 0, student.dtype)
    return on * tf.square(tf.nn.relu(margin - student)) + (1 - on) * tf.square(tf.nn.relu(margin + student))


def similarity(teacher: Any, student: Any) -> Any:
    """Fraction in [0, 1] of neurons that teacher and student switch alike."""
    tf = keras.tf
    return tf.reduce_mean(tf.cast(tf.equal(teacher > 0, student > 0), tf.float32))


@config
class ActivationBoundary(Usual):
    """``init_epochs`` of the stage's epochs teach the activation boundaries, the others the labels (or the method
    ``then``).

    ``layers`` are pairs of a teacher's and a student's layer, whose outputs are pre-activations of the same height and
    width. ``reduction`` "sum" is that of the paper (summed over neurons; the deepest layer has the weight 1, each
    earlier one half of the next), for 224x224 images; "mean" has the same strength at any image size.
    """

    name: Literal["activation_boundary"] = "activation_boundary"
    init_epochs: Count = 4
    """Number of the stage's epochs that teach the activation boundaries; the rest teach the labels."""
    layers: tuple[tuple[str, str], ...] | None = None
    """Pairs of a teacher's and a student's layer to compare, such as [["stage3_add", "stage3_add"]]. DenseNets have a
    default."""
    margin: Positive = 1.0
    """Margin by which a student's pre-activation should lie beyond 0, on the teacher's side."""
    reduction: Literal["mean", "sum"] = "mean"
    """How the loss is reduced over neurons: sum, as in the paper for 224x224 images, or mean, of the same strength at
    any size."""
    strength: Positive = 3e-3
    """Weight of the whole loss; the paper has 0.003 for CIFAR and 0.001 for MIT scenes."""
    connector: Literal["auto", "minimal"] = "auto"
    """Where a 1x1 convolution adapts the student's width: auto puts one at every pair if any width differs (as in the
    paper), minimal only where the widths differ."""
    TEACHERS: ClassVar[tuple[int, int | None]] = (1, 1)

    def check(self, teachers: Sequence[str | None], student: str | None, epochs: int) -> None:
        """See ``Method.check``."""
        super().check(teachers, student, epochs)
        (teacher,) = teachers
        if self.init_epochs >= epochs:
            raise UserError(
                f"method.init_epochs = {self.init_epochs} must be less than the stage's epochs ({epochs}), so that "
                "some are left for the labels"
            )
        if self.layers is None and not all(name is None or re.match("densenet", name) for name in (teacher, student)):
            raise UserError(
                f"activation_boundary needs layers = [[teacher's layer, student's layer], ...] for {teacher} -> "
                f"{student}; only DenseNets have a default"
            )
        if self.layers is not None and not self.layers:
            raise UserError("activation_boundary needs at least one pair of layers")

    def loss(self, teacher_maps: list[Any], student_maps: list[Any]) -> Any:
        """The scalar loss of a batch; maps (n, h, w, c), in order from the input to the output."""
        tf = keras.tf
        total = tf.constant(0.0)
        for depth, (teacher, student) in enumerate(zip(teacher_maps, student_maps, strict=True), start=1):
            neurons = boundary_loss(teacher, student, self.margin)
            if self.reduction == "sum":
                batch = tf.cast(tf.shape(neurons)[0], neurons.dtype)
                total += self.strength * 2.0 ** (depth - len(student_maps)) * tf.reduce_sum(neurons) / batch
            else:
                total += self.strength / 3e-3 * MEAN_SCALE * tf.reduce_mean(neurons)
        return total

    def phases(self, teachers: Sequence[Any], student: Any, epochs: int, task: Task, loss: Loss) -> list[Phase]:
        """Boundaries, then targets. Raises UserError for unknown layers and for maps of different sizes."""
        (teacher,) = teachers
        pairs = self.layers or DENSENET_LAYERS
        teacher_taps = taps(teacher, [pair[0] for pair in pairs])
        connected = self.connect(teacher_taps, taps(student, [pair[1] for pair in pairs]), pairs)

        def boundaries(network: Any, images: Any, targets: Any) -> tuple[Any, dict[str, Any]]:
            wanted = _as_list(teacher_taps(images, training=False))
            maps = _as_list(network(images, training=True))
            logs = {f"similarity_{pair[1]}": similarity(t, u) for pair, t, u in zip(pairs, wanted, maps, strict=True)}
            return self.loss(wanted, maps), logs

        return [
            Phase("boundaries", connected, boundaries, self.init_epochs),
            Phase("labels", student, objective(task, loss, student), epochs),
        ]

    def connect(self, teacher_taps: Any, student_taps: Any, pairs: Any) -> Any:
        """The student's tapped maps brought to the teacher's widths: 1x1 convolution without bias, then batch norm."""
        layers = keras.layers
        teacher_maps, student_maps = _as_list(teacher_taps.outputs), _as_list(student_taps.outputs)
        connected = []
        for depth, (pair, t, s) in enumerate(zip(pairs, teacher_maps, student_maps, strict=True), start=1):
            if t.shape[1:-1] != s.shape[1:-1]:
                sizes = " and ".join("x".join(str(side) for side in m.shape[1:-1]) for m in (t, s))
                raise UserError(
                    f"activation_boundary: layer {pair[0]} of the teacher and layer {pair[1]} of the student have "
                    f"feature maps of different sizes, {sizes}"
                )
            if self.connector == "auto" or t.shape[-1] != s.shape[-1]:
                init = keras.initializers.VarianceScaling(
                    2.0, mode="fan_out", distribution="untruncated_normal", seed=depth
                )
                s = layers.Conv2D(t.shape[-1], 1, use_bias=False, kernel_initializer=init, name=f"connector{depth}")(s)
                s = layers.BatchNormalization(momentum=0.9, name=f"connector{depth}_bn")(s)
            connected.append(s)
        model = keras.Model(student_taps.inputs, connected, name="connected")
        model.input_spec = student_taps.input_spec
        return model


def _as_list(maps: Any) -> list[Any]:
    return list(maps) if isinstance(maps, (list, tuple)) else [maps]
