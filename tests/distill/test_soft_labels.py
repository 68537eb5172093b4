"""Soft-label distillation, by the numbers of its oracle: teacher [2, 1, 0], student [1, 2, 0], label 0."""

import numpy as np
import pytest

from compress import keras
from compress.datasets import Augmentation
from compress.datasets.splits import ArraySplit
from compress.distill.combine import each
from compress.distill.logits import Logits
from compress.tasks.classification import cross_entropy
from compress.training import Data, Progress, Training, fit
from tests.said import TASK, labels_only

tf = keras.tf
TEACHER, STUDENT, LABEL = np.float32([[2, 1, 0]]), np.float32([[1, 2, 0]]), np.array([0])
FLAT = np.float32([[1, 1, 1]])


def kl_divergence(teacher, student, temperature):
    return each(teacher[:, None], student, temperature)


def loss_of(method, teachers, student, labels=LABEL):
    return method.loss(teachers, {"logits": student}, {"labels": labels}, TASK.loss)


@pytest.mark.parametrize(
    ("student", "temperature", "kl", "scaled"),
    [
        (STUDENT, 1, 0.420512, 0.420512),
        (STUDENT, 2, 0.099642, 0.398569),
        (STUDENT, 4, 0.023183, 0.370932),
        (FLAT, 1, 0.266217, 0.266217),
        (FLAT, 2, 0.078421, 0.313684),
        (FLAT, 4, 0.020513, 0.328202),
    ],
)
def test_the_table(student, temperature, kl, scaled):
    assert float(kl_divergence(TEACHER, student, temperature)) == pytest.approx(kl, abs=1.5e-6)
    only_kl = Logits(temperature=temperature, student_loss_weight=0.0, distillation_loss_weight=1.0)
    assert float(loss_of(only_kl, TEACHER[:, None], student)) == pytest.approx(scaled, abs=2e-6)


def test_hot_the_scaled_divergence_is_a_squared_distance():
    # 1 / (2 * classes) * sum of the squared centred difference: (1 + 1 + 0) / 6
    assert 400**2 * float(kl_divergence(np.float64(TEACHER), np.float64(STUDENT), 400.0)) == pytest.approx(
        1 / 3, rel=0.01
    )


def test_the_teacher_comes_first():
    assert float(kl_divergence(FLAT, TEACHER, 1.0)) == pytest.approx(0.308994, abs=1e-6)


def test_summed_over_classes_and_averaged_over_the_batch():
    teacher, student = np.vstack([TEACHER, TEACHER]), np.vstack([STUDENT, FLAT])
    assert float(kl_divergence(teacher, student, 1.0)) == pytest.approx((0.420512 + 0.266217) / 2, abs=1e-6)


def test_equal_logits_do_not_diverge_and_constants_change_nothing():
    assert float(kl_divergence(TEACHER, TEACHER, 3.0)) == 0
    moved = kl_divergence(TEACHER + 16, STUDENT - 8, 2.0)
    assert float(moved) == pytest.approx(0.099642, abs=1.5e-6)


def test_never_negative_and_finite_for_far_logits():
    rng = np.random.default_rng(0)
    for _ in range(20):
        teacher, student = rng.normal(0, 3, (2, 4, 7)).astype("float32")
        assert float(kl_divergence(teacher, student, 1.0)) > 0
    # p = 1 and a student at e^-1000: 1000 nats, where clipped probabilities would give 16
    assert float(kl_divergence(np.float32([[1000, 0]]), np.float32([[0, 1000]]), 1.0)) == pytest.approx(1000)


def test_cross_entropy():
    assert float(cross_entropy(STUDENT, LABEL)) == pytest.approx(1.407606, abs=1e-6)
    assert float(cross_entropy(np.vstack([STUDENT, FLAT]), np.array([0, 2]))) == pytest.approx(
        (1.407606 + np.log(3)) / 2
    )


def test_the_total_of_the_main_paper():
    method = Logits(
        temperature=2.0, student_loss_weight=0.3, distillation_loss_weight=0.7, scale_by_temperature_squared=False
    )
    assert float(loss_of(method, TEACHER[:, None], STUDENT)) == pytest.approx(0.492031, abs=1.5e-6)


def test_the_defaults_are_the_usual_ones():
    assert float(loss_of(Logits(), TEACHER[:, None], STUDENT)) == pytest.approx(
        0.1 * 1.407606 + 0.9 * 0.370932, abs=3e-6
    )


@pytest.mark.parametrize(("squared", "factor"), [(True, 1), (False, 1 / 16)])
def test_the_gradient(squared, factor):
    method = Logits(
        temperature=4.0, student_loss_weight=0.0, distillation_loss_weight=1.0, scale_by_temperature_squared=squared
    )
    student = tf.Variable(STUDENT)
    with tf.GradientTape() as tape:
        loss = loss_of(method, TEACHER[:, None], student)
    # T * (p_student - p_teacher)
    np.testing.assert_allclose(
        tape.gradient(loss, student), factor * np.array([[-0.370932, 0.370932, 0]]), atol=2e-6 * factor
    )


def network(seed):
    keras.utils.set_random_seed(seed)
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, 2)(image)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    return keras.Model(image, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x)))


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (20, 8, 8, 3), dtype="uint8")
    return Data(ArraySplit(images, np.arange(20) % 3, 8), Augmentation(), 3)


def trained(data, method, folder):
    student = network(1)
    objective = labels_only
    if method:
        teacher = network(2)
        teacher.trainable = False
        before = teacher.get_weights()
        (phase,) = method.phases([teacher], student, 2, TASK, TASK.loss)
        assert phase.network is student
        objective = phase.objective
    folder.mkdir()
    fit(student, objective, data, Training(epochs=2, batch_size=8), folder / "backup", Progress(), dict)
    if method:
        for now, then in zip(teacher.get_weights(), before, strict=True):
            np.testing.assert_array_equal(now, then)
    return student.get_weights()


def test_without_weight_the_teacher_changes_no_bit(data, tmp_path):
    plain = trained(data, None, tmp_path / "plain")
    silent = trained(data, Logits(student_loss_weight=1.0, distillation_loss_weight=0.0), tmp_path / "silent")
    heard = trained(data, Logits(student_loss_weight=1.0, distillation_loss_weight=1.0), tmp_path / "heard")
    for one, other in zip(plain, silent, strict=True):
        np.testing.assert_array_equal(one, other)
    assert any((one != other).any() for one, other in zip(plain, heard, strict=True))


def test_the_teacher_infers_and_the_student_trains():
    teacher, student = network(2), network(1)
    images = np.random.default_rng(0).random((8, 8, 8, 3), dtype="float32")
    before = teacher.get_weights()
    (phase,) = Logits().phases([teacher], student, 1, TASK, TASK.loss)
    loss, _ = phase.objective(student, images, {"labels": np.zeros(8, "int64")})
    expected = loss_of(
        Logits(), teacher(images, training=False)[:, None], network(1)(images, training=True), np.zeros(8, "int64")
    )
    assert float(loss) == pytest.approx(float(expected), rel=1e-6)
    for now, then in zip(teacher.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)  # its moving averages, too
