"""Fine-grained feature imitation: a student imitates its teacher's features near things.

Wang, Yuan, Zhang and Feng, "Distilling Object Detectors with Fine-Grained Feature Imitation", CVPR 2019. On a pyramid a
mask is made for each level, of its own anchors.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from compress import keras
from compress.config import Fraction, NotNegative, config
from compress.distill.phase import Phase
from compress.distill.pyramid import OfDetectors, Pyramid
from compress.metrics.detection import COUNTS
from compress.models.detector import STRIDES
from compress.replicas import divisor
from compress.tasks import Task
from compress.tasks.anchors import iou_of
from compress.tasks.named import named
from compress.tasks.objective import Loss

SPREAD = 0.02  # of the adapter's initial weights


def near_things(overlap: Any, counts: Any, cells: Sequence[int], per_cell: int, threshold: float) -> list[Any]:
    """Which cells of each level are near a thing: float32 (n, cells) of 0 and 1, a level after the other.

    A cell is, of which an anchor overlaps the thing by more than ``threshold`` times what the best anchor of all does
    (section 3.2). ``overlap``: IoU of things and anchors, (n, most, anchors); ``counts``: bool (n, most).
    """
    tf = keras.tf
    best = tf.reduce_max(overlap, axis=2, keepdims=True)
    near = tf.reduce_any((overlap > threshold * best) & counts[..., None], axis=1)
    levels = tf.split(near, [count * per_cell for count in cells], axis=1)
    return [
        tf.cast(tf.reduce_any(tf.reshape(level, (-1, count, per_cell)), axis=2), tf.float32)
        for level, count in zip(levels, cells, strict=True)
    ]


def imitation(near: list[Any], teacher: list[Any], student: list[Any]) -> Any:
    """1 / (2 N) times the sum, over cells that are near a thing and over channels, of the squared difference of the
    features (equation 4); N such cells, 1 at least. ``near``: (n, cells) a level, maps: (n, h, w, channels)."""
    tf = keras.tf
    total = [
        tf.reduce_sum(mask[..., None] * tf.reshape(tf.square(s - t), (-1, mask.shape[1], s.shape[-1])))
        for mask, t, s in zip(near, teacher, student, strict=True)
    ]
    count = tf.add_n([tf.reduce_sum(mask) for mask in near])
    return tf.add_n(total) / (2 * divisor(count))


@config
class Fgfi(OfDetectors):
    """``imitation_weight`` times the imitation of features near objects is added to the loss on targets.

    At each level of the pyramid, a 3x3 convolution and a ReLU adapt the student's features to the teacher's channels;
    they are removed at the end.
    """

    name: Literal["fgfi"] = "fgfi"
    imitation_weight: NotNegative = 0.01
    """Weight of the imitation of features; the loss on targets has the weight 1."""
    threshold: Fraction = 0.5
    """Fraction of the best IoU between anchors and an object above which a cell is imitated; 0 takes every cell that
    overlaps at all."""
    SAME_SHAPES: ClassVar[bool] = False
    TEACHERS: ClassVar[tuple[int, int | None]] = (1, 1)

    def phases(self, teachers: Sequence[Any], student: Any, epochs: int, task: Task, loss: Loss) -> list[Phase]:
        """One phase. Raises UserError for networks that are no detectors of the registry."""
        tf = keras.tf
        teacher, own = Pyramid.of(teachers[0], self.name), Pyramid.of(student, self.name)
        adapted = [
            keras.layers.Conv2D(
                wanted.shape[-1],
                3,
                padding="same",
                activation="relu",
                kernel_initializer=keras.initializers.TruncatedNormal(stddev=SPREAD, seed=stride),
                name=f"adapter{stride}",
            )(map_)
            for stride, wanted, map_ in zip(STRIDES, teacher.features.outputs, own.features.outputs, strict=True)
        ]
        network = keras.Model(student.inputs, [*student.outputs, *adapted], name=student.name)
        network.input_spec = student.input_spec
        cells = [map_.shape[1] * map_.shape[2] for map_ in own.features.outputs]
        anchors: Any = task.anchors  # type: ignore[attr-defined]
        per_cell, outputs_count = len(anchors) // sum(cells), len(student.outputs)

        def objective(network: Any, images: Any, targets: Any) -> tuple[Any, dict[str, Any]]:
            said = network(images, training=True)
            outputs, maps = named(task, said[:outputs_count]), said[outputs_count:]
            wanted = [tf.stop_gradient(map_) for map_ in teacher.features(images, training=False)]
            counts = (targets["classes"] >= 0) & (targets["kinds"] == COUNTS)
            near = near_things(iou_of(targets["boxes"], anchors), counts, cells, per_cell, self.threshold)
            distance = imitation(near, wanted, maps)
            logs = {**task.logs(outputs, targets), "imitation": distance}
            return loss(outputs, targets) + self.imitation_weight * distance, logs

        return [Phase("distill", network, objective, epochs)]
