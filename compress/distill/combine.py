"""What a student learns from several teachers: one divergence of the batch from all their logits.

With T the temperature, p_j = softmax(z_j / T) of teacher j and q = softmax(z_s / T) of the student:

- each: sum_j KL(p_j || q), as in Son, Na, Choi and Hwang, "Densely Guided Knowledge Distillation Using Multiple Teacher
  Assistants", 2021.
- mean_logits: KL(softmax(mean_j z_j / T) || q), one teacher whose probabilities are their geometric mean.
- mean_probabilities: KL(mean_j p_j || q).

(1/n) sum_j KL(p_j || q) = KL(mean_j p_j || q) + (1/n) sum_j KL(p_j || mean_j p_j), and the last term knows no
student: so "each" with 1/n of the weight and "mean_probabilities" have the same gradients. Logits are float32
(n, teachers, classes) and (n, classes); all logarithms are natural, of log-softmax: no probability is ever clipped.
"""

import math
from collections.abc import Callable
from typing import Any

from compress import keras


def kl_divergence(teacher: Any, student: Any) -> Any:
    """KL(p || q) of log-probabilities (n, classes): summed over classes, mean over the batch."""
    tf = keras.tf
    return tf.reduce_mean(tf.reduce_sum(tf.exp(teacher) * (teacher - student), axis=-1))


def each(teachers: Any, student: Any, temperature: float, weights: Any = None) -> Any:
    """``weights``: float32 (teachers,), 0 for those that are left out of this batch; all count 1 if it is None."""
    tf = keras.tf
    q = tf.nn.log_softmax(student / temperature)
    terms = [kl_divergence(tf.nn.log_softmax(z / temperature), q) for z in tf.unstack(teachers, axis=1)]
    return tf.add_n(terms if weights is None else [weights[j] * term for j, term in enumerate(terms)])


def mean_logits(teachers: Any, student: Any, temperature: float) -> Any:
    """Of the teachers' mean logits."""
    tf = keras.tf
    mean = tf.reduce_mean(teachers, axis=1)
    return kl_divergence(tf.nn.log_softmax(mean / temperature), tf.nn.log_softmax(student / temperature))


def mean_probabilities(teachers: Any, student: Any, temperature: float) -> Any:
    """Of the teachers' mean probabilities, each softened by itself."""
    tf = keras.tf
    total = tf.reduce_logsumexp(tf.nn.log_softmax(teachers / temperature), axis=1)
    mean = total - math.log(teachers.shape[1])
    return kl_divergence(mean, tf.nn.log_softmax(student / temperature))


COMBINE: dict[str, Callable[..., Any]] = {
    "each": each,
    "mean_logits": mean_logits,
    "mean_probabilities": mean_probabilities,
}
