"""The features that labels give a detector: what things there are, where, and what the student sees of them.

The parts of Zhang et al., "LGD", AAAI 2022, section 3: a label encoder after PointNet (Qi, Su, Mo and Guibas, CVPR
2017), the appearance of things, a relation of both by attention, and features that are drawn of them. Two sums are
ours: what is said of a thing is added to what it attends to, and PointNet's matrices to the identity, as in PointNet
itself. Without them short trainings from random weights do not find out what the labels say (docs/decisions/0030).
Loads TensorFlow.
"""

from collections.abc import Mapping
from typing import Any

from compress import keras
from compress.metrics.detection import COUNTS
from compress.models.detector import STRIDES, level

tf = keras.tf
NARROW, WIDE = 32, 128  # units of the label encoder, a quarter and an eighth of the paper's


def descriptors(targets: Mapping[str, Any], classes: int) -> tuple[Any, Any]:
    """(what is said of each thing, float32 (n, most + 1, 4 + classes), from -1 to 1: its corners in parts of the image,
    and its class; which rows are things, bool (n, most + 1)). The last is the context: all of the image, of no class.
    """
    is_thing = (targets["classes"] >= 0) & (targets["kinds"] == COUNTS)
    frame = tf.concat([targets["frame"], targets["frame"]], axis=1)[:, None]
    corners = tf.where(is_thing[..., None], targets["boxes"] / frame, 0.0)
    kinds = tf.where(is_thing[..., None], tf.one_hot(targets["classes"], classes), 0.0)
    count = tf.shape(corners)[0]
    context = tf.concat([tf.zeros((count, 1, 2)), tf.ones((count, 1, 2)), tf.zeros((count, 1, classes))], axis=2)
    rows = tf.concat([tf.concat([corners, kinds], axis=2), context], axis=1)
    return 2 * rows - 1, tf.concat([is_thing, tf.ones((count, 1), tf.bool)], axis=1)


def masks(boxes: Any, frame: Any, present: Any, cells: tuple[int, int]) -> Any:
    """Which cells of a map of (height, width) have their middle in each box: float32 (n, things, height, width), 0 for
    rows that are none. ``boxes``: (n, things, 4) in pixels of the ``frame`` (n, 2)."""
    middles = [
        (tf.range(count, dtype=tf.float32) + 0.5) * frame[:, axis, None, None] / count
        for axis, count in enumerate(cells)
    ]
    inside = [(at >= boxes[..., axis, None]) & (at <= boxes[..., axis + 2, None]) for axis, at in enumerate(middles)]
    both = inside[0][..., :, None] & inside[1][..., None, :] & present[..., None, None]
    return tf.cast(both, tf.float32)


def pooled(mask: Any, maps: Any) -> Any:
    """The mean of a map (n, h, w, c) over each mask (n, things, h, w): (n, things, c); 0 for a mask without a cell."""
    total = tf.einsum("nthw,nhwc->ntc", mask, maps)
    return total / tf.maximum(tf.reduce_sum(mask, axis=(2, 3)), 1.0)[..., None]


class LabelGuidance(keras.layers.Layer):
    """``self(maps, targets)``: for each of the student's maps one of the same shape, drawn of the labels.

    ``adapted`` brings the student's maps to where they are compared.
    """

    def __init__(self, channels: int, classes: int, heads: int) -> None:
        super().__init__(name="guidance")
        self.classes = classes
        layers = keras.layers
        self.first = _Transform(4 + classes)
        self.local = layers.Dense(NARROW)
        self.second = _Transform(NARROW)
        self.wider = [layers.Dense(2 * NARROW), layers.Dense(WIDE)]
        self.embed, self.project = layers.Dense(channels), layers.Dense(channels)
        self.look = layers.Conv2D(channels, 3, padding="same")
        self.look_norm = layers.GroupNormalization(1)
        self.relate = layers.MultiHeadAttention(heads, max(1, channels // heads))
        self.of_thing, self.of_context = layers.Dense(channels), layers.Dense(channels)
        self.drawn = layers.Conv2D(channels, 3, padding="same")
        self.refine = [layers.Conv2D(channels, 3, padding="same") for _ in range(3)]
        self.refine_norms = [layers.GroupNormalization(1) for _ in range(3)]
        self.adapter = [
            layers.Conv2D(channels, 3, padding="same", activation=activation) for activation in ("relu", "relu", None)
        ]

    def build_for(self, student: Any) -> None:
        """Makes all weights: of a batch of one empty image, for maps of the student's shapes."""
        maps = [tf.zeros((1, *student.get_layer(level(stride)).output_shape[1:])) for stride in STRIDES]
        nothing = {
            "boxes": tf.zeros((1, 1, 4)),
            "classes": tf.fill((1, 1), -1),
            "kinds": tf.fill((1, 1), -1),
            "frame": tf.ones((1, 2)),
        }
        self(maps, nothing)
        self.adapted(maps)

    def call(self, maps: list[Any], targets: Mapping[str, Any]) -> list[Any]:
        said, present = descriptors(targets, self.classes)
        labels = self.embedded(said, present)
        frame = targets["frame"]
        whole = tf.concat([tf.zeros_like(frame), frame], axis=1)[:, None]
        boxes = tf.concat([targets["boxes"], whole], axis=1)
        return [self._drawn(map_, masks(boxes, frame, present, map_.shape[1:3]), labels, present) for map_ in maps]

    def embedded(self, said: Any, present: Any) -> Any:
        """Of what is said of each thing, with regard to all of its image: (n, things, channels)."""
        x = local = self.second(_normed(self.local(self.first(said, present))), present)
        for dense in self.wider:
            x = _normed(dense(x))
        everything = tf.repeat(_largest(x, present)[:, None], tf.shape(local)[1], axis=1)
        embedded = _normed(self.embed(tf.concat([local, everything], axis=2)))
        return _normed(self.project(embedded))

    def _drawn(self, map_: Any, mask: Any, labels: Any, present: Any) -> Any:
        seen = pooled(mask, tf.nn.relu(self.look_norm(self.look(map_))))
        among = present[:, :, None] & present[:, None, :]
        things = labels + self.relate(query=seen, value=labels, key=labels, attention_mask=among)
        spread = tf.einsum("nthw,ntc->nhwc", mask[:, :-1], self.of_thing(things[:, :-1]))
        x = tf.nn.relu(self.drawn(spread) + self.of_context(things[:, -1])[:, None, None])
        for number, (convolution, norm) in enumerate(zip(self.refine, self.refine_norms, strict=True)):
            x = norm(convolution(x))
            if number < len(self.refine) - 1:
                x = tf.nn.relu(x)
        return x

    def adapted(self, maps: list[Any]) -> list[Any]:
        """The student's maps behind three convolutions, which all levels share."""
        for convolution in self.adapter:
            maps = [convolution(map_) for map_ in maps]
        return maps


class _Transform(keras.layers.Layer):
    """PointNet's: rows (n, things, k) times a matrix (k, k) that all of the image's things decide together."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        layers = keras.layers
        self.each = [layers.Dense(units) for units in (NARROW, 2 * NARROW, WIDE)]
        self.all = [layers.Dense(units) for units in (2 * NARROW, NARROW)]
        self.matrix = layers.Dense(width * width)

    def call(self, rows: Any, present: Any) -> Any:
        x = rows
        for dense in self.each:
            x = _normed(dense(x))
        x = _largest(x, present)
        for dense in self.all:
            x = _normed(dense(x))
        return rows + rows @ tf.reshape(self.matrix(x), (-1, self.width, self.width))


def _largest(rows: Any, present: Any) -> Any:
    """Of each number over the things of an image: (n, things, k) to (n, k)."""
    return tf.reduce_max(tf.where(present[..., None], rows, rows.dtype.min), axis=1)


def _normed(rows: Any) -> Any:
    """ReLU of layer normalization without weights (Ba, Kiros and Hinton, 2016)."""
    mean, variance = tf.nn.moments(rows, axes=-1, keepdims=True)
    return tf.nn.relu((rows - mean) * tf.math.rsqrt(variance + 1e-5))
