"""What a detector's anchors should say of the boxes in an image, and how far off they are: TensorFlow's."""

from typing import Any

from compress import keras
from compress.metrics.boxes import SCALES
from compress.metrics.detection import COUNTS, CROWD

GROUND, LEFT_OUT = -1, -2
"""What an anchor is of, where it is of no class."""
IS_THING, IS_GROUND = 0.5, 0.4
"""IoU with a box from which on an anchor is of it, and up to which it is of none (RetinaNet, section 4)."""
GAMMA, ALPHA = 2.0, 0.25
"""Of the focal loss."""


def iou_of(boxes: Any, anchors: Any) -> Any:
    """IoU of boxes (n, most, 4), corners, with anchors (anchors, 4), middles and sides: (n, most, anchors)."""
    return _overlaps(boxes, anchors)[0]


def _overlaps(boxes: Any, anchors: Any) -> tuple[Any, Any]:
    """(IoU, which part of the anchor lies in the box): (n, most, anchors) both."""
    tf = keras.tf
    half = anchors[:, 2:] / 2
    low, high = anchors[:, :2] - half, anchors[:, :2] + half
    sides = tf.maximum(
        tf.minimum(boxes[:, :, None, 2:], high) - tf.maximum(boxes[:, :, None, :2], low),
        0.0,
    )
    shared = tf.reduce_prod(sides, axis=-1)
    own = tf.reduce_prod(boxes[..., 2:] - boxes[..., :2], axis=-1)[..., None]
    areas = tf.reduce_prod(tf.constant(anchors[:, 2:]), axis=-1)
    return shared / tf.maximum(own + areas - shared, 1e-6), shared / areas


def assigned(boxes: Any, classes: Any, kinds: Any, anchors: Any) -> tuple[Any, Any]:
    """(what each anchor is of, int32 (n, anchors): a class, GROUND or LEFT_OUT; that thing's box, (n, anchors, 4)).

    An anchor is of the box that it overlaps most; each box has the anchor that overlaps it most, too, however little,
    unless that is another box's. Between the two thresholds, on boxes that are difficult, and within crowds an anchor
    is left out.
    """
    tf = keras.tf
    overlap, inside = _overlaps(boxes, anchors)
    counts = ((classes >= 0) & (kinds == COUNTS))[..., None]
    own = tf.where(counts, overlap, -1.0)
    nearest = tf.argmax(own, axis=1)  # (n, anchors)
    most = tf.reduce_max(own, axis=1)
    best = tf.reduce_max(own, axis=2, keepdims=True)
    is_best = counts & (own >= best) & (best > 0)  # (n, most, anchors)
    has_to = tf.reduce_any(is_best, axis=1)
    index = tf.where(has_to, tf.argmax(tf.cast(is_best, tf.float32) * (1 + own), axis=1), nearest)
    in_crowd = tf.where((kinds == CROWD)[..., None], inside, overlap)
    others = tf.where((classes >= 0)[..., None] & ~counts, in_crowd, -1.0)
    label = tf.gather(classes, index, axis=1, batch_dims=1)
    label = tf.where((most >= IS_THING) | has_to, label, tf.where(most < IS_GROUND, GROUND, LEFT_OUT))
    label = tf.where((label == GROUND) & (tf.reduce_max(others, axis=1) >= IS_GROUND), LEFT_OUT, label)
    return label, tf.gather(boxes, index, axis=1, batch_dims=1)


def encoded(boxes: Any, anchors: Any) -> Any:
    """The offsets (n, anchors, 4) of a box an anchor: ``metrics.boxes.encoded`` in a graph."""
    tf = keras.tf
    size = tf.maximum(boxes[..., 2:] - boxes[..., :2], 1e-3)
    middle = boxes[..., :2] + size / 2
    return tf.concat([(middle - anchors[:, :2]) / anchors[:, 2:], tf.math.log(size / anchors[:, 2:])], -1) * SCALES


def focal(logits: Any, label: Any) -> Any:
    """The focal loss of each anchor and class, (n, anchors, classes), 0 for anchors that are left out.

    alpha_t (1 - p_t)^gamma * cross-entropy: Lin et al., 2017, equation 5, with a sigmoid a class.
    """
    tf = keras.tf
    wanted = tf.one_hot(label, logits.shape[-1])  # of GROUND and LEFT_OUT all 0
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(wanted, logits)
    likely = tf.sigmoid(logits)
    missed = wanted * (1 - likely) + (1 - wanted) * likely
    weight = wanted * ALPHA + (1 - wanted) * (1 - ALPHA)
    return weight * missed**GAMMA * entropy * tf.cast(label != LEFT_OUT, tf.float32)[..., None]


def smooth_l1(errors: Any) -> Any:
    """d^2 / 2 up to 1, |d| - 1/2 from there on (Girshick, "Fast R-CNN", 2015, equation 3), of each number."""
    tf = keras.tf
    size = tf.abs(errors)
    inside = tf.minimum(size, 1.0)
    return inside * (size - 0.5 * inside)
