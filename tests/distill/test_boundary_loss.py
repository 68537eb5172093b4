"""The loss of activation-boundary distillation, by the numbers of its oracle."""

import math

import numpy as np
import pytest

from compress import keras
from compress.distill.activation_boundary import ActivationBoundary, boundary_loss, similarity
from compress.errors import UserError

tf = keras.tf
TEACHER = np.array([[2.0, -1.0], [0.0, 0.5]], "float32")
STUDENT = np.array([[0.3, -0.4], [-2.0, 1.7]], "float32")


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape, dtype="float32")


def test_the_hand_example():
    np.testing.assert_allclose(boundary_loss(TEACHER, STUDENT), [[0.49, 0.36], [0, 0]], atol=1e-6)
    assert similarity(TEACHER, STUDENT) == 1  # no neuron is switched otherwise: the loss is the margin's alone


def test_zero_is_off():
    assert boundary_loss(np.float32([0.0]), np.float32([0.5])).numpy() == [2.25]
    assert similarity(np.float32([0, 0, 1, 1]), np.float32([0, 1, 0, 1])) == 0.5


def test_another_margin():
    # on: (2 - 0.5)^2; off: (2 + 0.5)^2
    np.testing.assert_allclose(boundary_loss(np.float32([1, -1]), np.float32([0.5, 0.5]), 2.0), [2.25, 6.25])


def test_no_loss_just_where_the_student_is_beyond_the_margin():
    teacher = np.float32([3, 0.1, 0, -2])
    assert not boundary_loss(teacher, np.float32([1, 1.5, -1, -4])).numpy().any()
    assert (boundary_loss(teacher, np.float32([0.99, 0.9, -0.99, -0.9])).numpy() > 0).all()
    assert not boundary_loss(teacher, 10 * np.float32([1, 1, -1, -1])).numpy().any()


def test_only_the_teachers_signs_count():
    teacher, student = normal(4, 5), normal(4, 5, seed=1)
    expected = boundary_loss(teacher, student).numpy()
    assert expected.any()
    np.testing.assert_array_equal(boundary_loss(7 * teacher, student), expected)
    np.testing.assert_array_equal(boundary_loss(np.maximum(teacher, 0), student), expected)
    assert (boundary_loss(-teacher, student).numpy() != expected).any()


def test_gradients_by_the_formula_and_none_to_the_teacher():
    t, u = tf.Variable(normal(6, 7)), tf.Variable(2 * normal(6, 7, seed=1))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(boundary_loss(t, u))
    to_teacher, to_student = tape.gradient(loss, [t, u])
    assert to_teacher is None
    on, x = t.numpy() > 0, u.numpy()
    expected = np.where(on, -2 * np.maximum(1 - x, 0), 2 * np.maximum(1 + x, 0))
    np.testing.assert_allclose(to_student, expected, atol=1e-6)


def test_a_random_start_costs_1_9247_a_neuron():
    teacher, student = normal(1000, 1000), normal(1000, 1000, seed=1)
    phi = math.exp(-0.5) / math.sqrt(2 * math.pi)
    expected = 2 * 0.5 * (1 + math.erf(1 / math.sqrt(2))) + phi
    assert expected == pytest.approx(1.9247, abs=5e-5)
    assert float(tf.reduce_mean(boundary_loss(teacher, student))) == pytest.approx(expected, abs=0.01)
    assert float(similarity(teacher, student)) == pytest.approx(0.5, abs=0.005)


def test_sum_halves_each_earlier_layer_and_divides_by_the_batch():
    on = np.ones((2, 1, 1, 3), "float32")  # a batch of 2 with 3 neurons
    maps = [0 * on, 0 * on, 0.5 * on]  # 1, 1 and 0.25 a neuron
    # a layer's sum over the batch, by 2: 3, 3 and 0.75; weights 1/4, 1/2 and 1
    expected = 0.003 * (3 / 4 + 3 / 2 + 0.75)
    method = ActivationBoundary(reduction="sum")
    assert float(method.loss([on] * 3, maps)) == pytest.approx(expected)
    doubled = [np.concatenate([m, m]) for m in maps]
    assert float(method.loss([np.concatenate([on, on])] * 3, doubled)) == pytest.approx(expected)
    stronger = ActivationBoundary(reduction="sum", strength=0.03)
    assert float(stronger.loss([on] * 3, maps)) == pytest.approx(10 * expected)


def test_the_hand_example_as_a_batch_of_two():
    method = ActivationBoundary(reduction="sum", strength=1.0)
    assert float(method.loss([TEACHER[:, None, None]], [STUDENT[:, None, None]])) == pytest.approx(0.85 / 2)


def test_mean_is_49_15_for_each_layer_whatever_its_size():
    small, large = np.ones((2, 1, 1, 3), "float32"), np.ones((2, 8, 8, 4), "float32")
    method = ActivationBoundary()
    assert float(method.loss([small], [0 * small])) == pytest.approx(49.15)
    assert float(method.loss([small, large], [0 * small, 0.5 * large])) == pytest.approx(49.15 * 1.25)
    weak = ActivationBoundary(strength=1e-3)
    assert float(weak.loss([large], [0 * large])) == pytest.approx(49.15 / 3, rel=1e-5)


def test_sum_and_mean_agree_on_the_authors_network():
    # the last map of their WRN-22-4 has 16384 neurons
    on = np.ones((1, 8, 8, 256), "float32")
    both = [float(ActivationBoundary(reduction=r).loss([on], [0.3 * on])) for r in ("sum", "mean")]
    assert both[0] == pytest.approx(both[1], rel=1e-4)


def test_the_margin_of_the_method_is_used():
    on = np.ones((1, 1, 1, 2), "float32")
    assert float(ActivationBoundary(margin=3.0).loss([on], [on])) == pytest.approx(49.15 * 4)


@pytest.mark.parametrize("names", [("resnet20", "resnet8"), ("densenet201", "resnet8"), ("resnet20", "densenet121")])
def test_only_densenets_have_default_layers(names):
    with pytest.raises(UserError, match="needs layers"):
        ActivationBoundary().check([names[0]], names[1], 9)
    ActivationBoundary().check(["densenet201"], "densenet121", 9)
    ActivationBoundary().check([None], "densenet_tiny", 9)
    ActivationBoundary(layers=(("a", "b"),)).check([names[0]], names[1], 9)


def test_an_empty_list_of_layers_is_refused():
    with pytest.raises(UserError, match="at least one pair"):
        ActivationBoundary(layers=()).check(["densenet201"], "densenet121", 9)
