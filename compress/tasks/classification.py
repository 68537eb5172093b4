"""Classification: one label an image. Metrics take numpy arrays, so that a Keras network, a .tflite and a board's
results are judged by the same code."""

from collections.abc import Callable
from typing import Any

import numpy as np

from compress import keras


def cross_entropy(logits: Any, labels: Any) -> Any:
    """Mean over the batch of -log p(label), natural log; logits (n, classes) float32, labels (n,) int64."""
    return keras.tf.reduce_mean(keras.tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))


def accuracy(logits: Any, labels: Any) -> Any:
    """Fraction of a training batch whose largest logit is the label's, as a float32 tensor."""
    tf = keras.tf
    return tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, axis=-1), labels), tf.float32))


def on_labels(
    network: Any, images: Any, labels: Any, loss: Callable[[Any, Any], Any] = cross_entropy
) -> tuple[Any, dict[str, Any]]:
    """The objective of a training without a teacher: ``loss(logits, labels)`` of a batch, and its accuracy to log."""
    logits = network(images, training=True)
    return loss(logits, labels), {"accuracy": accuracy(logits, labels)}


def top1(outputs: np.ndarray, labels: np.ndarray) -> float:
    """Fraction in [0, 1] of the rows whose largest output (logit or probability) is the label's."""
    return float(np.mean(np.argmax(outputs, axis=-1) == labels))


def top5(outputs: np.ndarray, labels: np.ndarray) -> float | None:
    """Fraction in [0, 1] of the rows whose label is among the five largest outputs; None for fewer than 6 classes.

    Of equal outputs the first ones count as larger, as they do for ``top1``.
    """
    if outputs.shape[-1] < 6:
        return None
    five = np.argsort(-outputs, axis=-1, kind="stable")[:, :5]
    return float(np.mean((five == labels[:, None]).any(axis=-1)))


def agreement(a: np.ndarray, b: np.ndarray) -> float:
    """Fraction in [0, 1] of the rows on which two networks, of outputs ``a`` and ``b``, predict the same class."""
    return float(np.mean(np.argmax(a, axis=-1) == np.argmax(b, axis=-1)))
