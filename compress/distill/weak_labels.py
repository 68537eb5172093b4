"""What tells things of places by the classes of an image alone: two streams, and heads that refine them. Loads
TensorFlow.

The streams: Bilen and Vedaldi, "Weakly Supervised Deep Detection Networks" (WSDDN), CVPR 2016; the refinement: Tang,
Wang, Bai and Liu, "Multiple Instance Detection Network with Online Instance Classifier Refinement" (OICR), CVPR 2017.
"""

from typing import Any

from compress import keras
from compress.models.detector import STRIDES, local
from compress.replicas import divisor

tf = keras.tf
CLOSE, FAR = 0.5, 0.1  # IoU with the best proposal: from which on one is of its class, up to which it is left out
FIRST = 3.0  # weight of the first refinement
BINS, UNITS = 3, 128  # of a proposal's features
SURE = 1e-6
NOWHERE = -1e4  # a logit whose softmax is 0


class WeakLabels(keras.layers.Layer):
    """``self(map, boxes)``: of each proposal (class stream, detection stream, refinements): logits (n, r, classes)
    twice, and (n, r, classes + 1) a refinement, whose last is the ground.

    ``boxes``: float32 (n, r, 4) in parts of the image's sides; rows of 0 are none, and no place to the detection
    stream.
    """

    def __init__(self, classes: int, refinements: int) -> None:
        super().__init__(name="weak_labels")
        layers = keras.layers
        self.features = layers.Dense(UNITS, activation="relu")
        self.of_class, self.of_place = layers.Dense(classes), layers.Dense(classes)
        self.refine = [layers.Dense(classes + 1) for _ in range(refinements)]
        self.attend = layers.Conv2D(classes, 1)

    def build_for(self, student: Any) -> None:
        map_ = tf.zeros((1, *student.get_layer(local(STRIDES[0])).output_shape[1:]))
        self(map_, tf.zeros((1, 1, 4)))
        self.attend(map_)

    def call(self, map_: Any, boxes: Any) -> tuple[Any, Any, list[Any]]:
        count, proposals = tf.shape(boxes)[0], tf.shape(boxes)[1]
        owners = tf.repeat(tf.range(count), proposals)
        parts = parts_of(map_, tf.reshape(boxes, (-1, 4)), owners)
        x = self.features(tf.reshape(parts, (count, proposals, BINS * BINS * map_.shape[-1])))
        return self.of_class(x), self.of_place(x) + NOWHERE * (1 - there(boxes)), [dense(x) for dense in self.refine]


def parts_of(map_: Any, boxes: Any, owners: Any) -> Any:
    """What a map (n, h, w, channels) has in the middles of BINS x BINS equal parts of boxes (r, 4), linear between the
    middles of its cells: (r, BINS, BINS, channels). ``owners``: int32 (r,), the row of the map for each box.

    In place of RoI pooling, with samples in the middle of each part (as RoIAlign: He et al., "Mask R-CNN", ICCV 2017).
    """
    sides = tf.tile(tf.cast(tf.shape(map_)[1:3], tf.float32), [2])
    low, high = tf.split(boxes * sides, 2, axis=-1)  # in cells
    half = (high - low) / (2 * BINS)
    # the operator samples from end to end, and counts from the middle of the first cell to that of the last; beyond
    # these there is a border, which repeats the outermost cells
    bordered = tf.pad(map_, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
    ends = (tf.concat([low + half, high - half], axis=-1) + 0.5) / (sides + 1)
    return tf.image.crop_and_resize(bordered, ends, owners, (BINS, BINS))


def there(boxes: Any) -> Any:
    """1 for a proposal, 0 for a row of 0: float32 (n, r, 1)."""
    return tf.cast(boxes[..., 2:3] > 0, tf.float32)


def overlaps(boxes: Any) -> Any:
    """The IoU of the proposals of an image with each other: (n, r, r), of ``boxes`` (n, r, 4)."""
    one, other = boxes[:, :, None], boxes[:, None]
    sides = tf.minimum(one[..., 2:], other[..., 2:]) - tf.maximum(one[..., :2], other[..., :2])
    shared = tf.reduce_prod(tf.maximum(sides, 0.0), axis=-1)
    areas = tf.reduce_prod(boxes[..., 2:] - boxes[..., :2], axis=-1)
    return tf.math.divide_no_nan(shared, areas[:, :, None] + areas[:, None] - shared)


def refinement(scores: Any, logits: Any, present: Any, boxes: Any) -> Any:
    """The loss of one refinement, a scalar: proposals near the best one of a class that is there are of it, the others
    are ground, and those that are near none count nothing; each weighs as much as that best one's score.

    ``scores``: (n, r, classes) of the stage before, without a gradient; ``present``: float32 (n, classes).
    """
    best = tf.argmax(scores, axis=1)  # (n, classes)
    near = tf.gather(overlaps(boxes), best, axis=1, batch_dims=1)  # (n, classes, r)
    near = near * present[..., None] - (1 - present[..., None])
    owner, most = tf.argmax(near, axis=1), tf.reduce_max(near, axis=1)
    sure = tf.gather(tf.reduce_max(scores, axis=1), owner, axis=1, batch_dims=1)
    label = tf.where(most >= CLOSE, owner, logits.shape[-1] - 1)
    is_there = there(boxes)[..., 0]
    weight = tf.where(most < FAR, 0.0, sure) * is_there
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(label, logits)
    return tf.reduce_sum(tf.stop_gradient(weight) * entropy) / divisor(tf.reduce_sum(is_there))


def two_streams(of_class: Any, of_place: Any) -> Any:
    """How much each proposal says for each class: softmax over classes times that over proposals; (n, r, classes)."""
    return tf.nn.softmax(of_class, axis=2) * tf.nn.softmax(of_place, axis=1)


def image_loss(said: Any, present: Any) -> Any:
    """The mean cross-entropy of the classes of images, whose scores are the sums over proposals: ``said`` (n, r,
    classes), ``present`` (n, classes)."""
    score = tf.clip_by_value(tf.reduce_sum(said, axis=1), SURE, 1 - SURE)
    return -tf.reduce_mean(present * tf.math.log(score) + (1 - present) * tf.math.log(1 - score))


def attention_loss(logits: Any, likely: Any) -> Any:
    """The mean cross-entropy of maps (n, h, w, classes), by logits, against likelihoods in [0, 1]."""
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(likely, logits))
