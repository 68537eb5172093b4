"""What tells things of places by the classes of an image alone: two streams, and heads that refine them. Loads
TensorFlow.

The streams: Bilen and Vedaldi, "Weakly Supervised Deep Detection Networks" (WSDDN), CVPR 2016; the refinement: Tang,
Wang, Bai and Liu, "Multiple Instance Detection Network with Online Instance Classifier Refinement" (OICR), CVPR 2017.
"""

from typing import Any

import numpy as np

from compress import keras
from compress.metrics.boxes import iou
from compress.models.detector import STRIDES, level

tf = keras.tf
CLOSE, FAR = 0.5, 0.1  # IoU with the best proposal: from which on one is of its class, up to which it is left out
FIRST = 3.0  # weight of the first refinement
BINS, UNITS = 3, 128  # of a proposal's features
SURE = 1e-6


class WeakLabels(keras.layers.Layer):
    """``self(map)``: of each proposal (class stream, detection stream, refinements): logits (n, r, classes) twice, and
    (n, r, classes + 1) a refinement, whose last is the ground.

    ``boxes``: float32 (r, 4) in pixels of the ``frame``.
    """

    def __init__(self, boxes: np.ndarray, frame: tuple[int, int], classes: int, refinements: int) -> None:
        super().__init__(name="weak_labels")
        self.count, self.boxes = len(boxes), tf.constant(boxes / np.tile(np.asarray(frame, np.float32), 2))
        self.overlap = tf.constant(iou(boxes, boxes), tf.float32)
        layers = keras.layers
        self.features = layers.Dense(UNITS, activation="relu")
        self.of_class, self.of_place = layers.Dense(classes), layers.Dense(classes)
        self.refine = [layers.Dense(classes + 1) for _ in range(refinements)]
        self.attend = layers.Conv2D(classes, 1)

    def build_for(self, student: Any) -> None:
        map_ = tf.zeros((1, *student.get_layer(level(STRIDES[0])).output_shape[1:]))
        self(map_)
        self.attend(map_)

    def call(self, map_: Any) -> tuple[Any, Any, list[Any]]:
        count = tf.shape(map_)[0]
        boxes = tf.tile(self.boxes, (count, 1))
        owners = tf.repeat(tf.range(count), self.count)
        parts = tf.image.crop_and_resize(map_, boxes, owners, (BINS, BINS))
        x = self.features(tf.reshape(parts, (count, self.count, BINS * BINS * map_.shape[-1])))
        return self.of_class(x), self.of_place(x), [dense(x) for dense in self.refine]

    def refinement(self, scores: Any, logits: Any, present: Any) -> Any:
        """The loss of one refinement, a scalar: proposals near the best one of a class that is there are of it, the
        others are ground, and those that are near none count nothing; each weighs as much as that best one's score.

        ``scores``: (n, r, classes) of the stage before, without a gradient; ``present``: float32 (n, classes).
        """
        best = tf.argmax(scores, axis=1)  # (n, classes)
        near = tf.gather(self.overlap, best) * present[..., None] - (1 - present[..., None])  # (n, classes, r)
        owner, most = tf.argmax(near, axis=1), tf.reduce_max(near, axis=1)
        sure = tf.gather(tf.reduce_max(scores, axis=1), owner, axis=1, batch_dims=1)
        label = tf.where(most >= CLOSE, owner, logits.shape[-1] - 1)
        weight = tf.where(most < FAR, 0.0, sure)
        entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(label, logits)
        return tf.reduce_mean(tf.stop_gradient(weight) * entropy)


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
