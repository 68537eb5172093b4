"""Distillation of outputs and of softened sigmoids, by hand."""

import math

import numpy as np
import pytest

from compress import keras
from compress.distill.outputs import Outputs, squared_distance
from compress.distill.sigmoids import Sigmoids, bernoulli_kl_divergence
from compress.tasks import MultiLabel, Regression

tf = keras.tf


def bernoulli(p, q):
    return p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_the_divergence_of_sigmoids(temperature):
    teacher, student = np.float32([[2.0, -1.0]]), np.float32([[1.0, 1.0]])
    p, q = (1 / (1 + np.exp(-logits[0] / temperature)) for logits in (teacher, student))
    wanted = sum(bernoulli(a, b) for a, b in zip(p, q, strict=True)) / 2
    assert float(bernoulli_kl_divergence(teacher, student, temperature)) == pytest.approx(wanted, rel=1e-5)
    assert float(bernoulli_kl_divergence(teacher, teacher, temperature)) == pytest.approx(0, abs=1e-7)


def test_the_distance_of_outputs():
    teachers, student = np.float32([[[1, 2], [3, 4]]]), np.float32([[1, 1]])
    # 0 + 1 and 4 + 9, over four values
    assert float(squared_distance(teachers, student)) == pytest.approx(14 / 4)


def linear(value):
    """A network of one number that gives ``value`` times its input."""
    image = keras.Input((1,))
    model = keras.Model(image, keras.layers.Dense(1, use_bias=False)(image))
    model.set_weights([np.array([[value]])])
    return model


def test_numbers_are_compared_in_deviations():
    task = Regression(scale=(10.0,), offset=(0.0,))
    method = Outputs(student_loss_weight=1.0, distillation_loss_weight=2.0)
    (phase,) = method.phases([linear(30.0), linear(50.0)], linear(0.0), 3, task, task.loss)
    loss, _ = phase.objective(phase.network, tf.ones((1, 1)), {"values": tf.constant([[20.0]])})
    # (20 / 10)^2, and twice the mean of 3^2 and 5^2
    assert float(loss) == pytest.approx(4 + 2 * (9 + 25) / 2)


def test_the_weights_and_the_temperature_of_sigmoids():
    method = Sigmoids(temperature=2.0, student_loss_weight=0.25, distillation_loss_weight=0.5)
    task = MultiLabel()
    (phase,) = method.phases([linear(4.0)], linear(0.0), 3, task, task.loss)
    loss, _ = phase.objective(phase.network, tf.ones((1, 1)), {"present": tf.constant([[1.0]])})
    p = 1 / (1 + math.exp(-2))
    assert float(loss) == pytest.approx(0.25 * math.log(2) + 0.5 * 4 * bernoulli(p, 0.5), rel=1e-5)
