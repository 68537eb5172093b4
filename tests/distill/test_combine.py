"""Several teachers, by numbers worked by hand: z1 = [4, 0, 0] and z2 = [0, 4, 0]."""

import numpy as np
import pytest

from compress import keras
from compress.config import parse
from compress.distill.combine import COMBINE, each, mean_logits, mean_probabilities
from compress.distill.logits import Logits
from compress.errors import UserError
from compress.stages.distill import Distill
from compress.tasks.losses import FocalCalibration
from tests.said import TASK

tf = keras.tf
TWO = np.float32([[[4, 0, 0], [0, 4, 0]]])
RNG = np.random.default_rng(0)
TEACHERS = RNG.normal(0, 3, (16, 4, 7)).astype("float32")
STUDENT = RNG.normal(0, 2, (16, 7)).astype("float32")
LABELS = RNG.integers(0, 7, 16)


def learnt(combine, teachers, temperature):
    """The probabilities that a student of free logits ends at: those that it was taught."""
    student = tf.Variable(np.zeros((1, 3), np.float32))
    for _ in range(400):
        with tf.GradientTape() as tape:
            loss = combine(teachers, student, temperature)
        student.assign_sub(temperature**2 * tape.gradient(loss, student))
    return tf.nn.softmax(student / temperature).numpy()[0]


@pytest.mark.parametrize(
    ("combine", "temperature", "wanted"),
    [
        (mean_logits, 1.0, [0.4683, 0.4683, 0.0634]),
        (mean_probabilities, 1.0, [0.4912, 0.4912, 0.0177]),
        (mean_logits, 5.0, [0.3745, 0.3745, 0.2510]),
        (mean_probabilities, 5.0, [0.3817, 0.3817, 0.2367]),
    ],
)
def test_what_two_teachers_teach(combine, temperature, wanted):
    np.testing.assert_allclose(learnt(combine, TWO, temperature), wanted, atol=2e-4)


def test_the_most_confident_teacher_has_more_to_say_by_logits():
    unequal = np.float32([[[6, 0, 0], [0, 2, 0]]])
    np.testing.assert_allclose(
        learnt(mean_logits, unequal, 1.0), np.exp([3, 1, 0]) / np.exp([3, 1, 0]).sum(), atol=2e-4
    )
    mean = (np.exp([6, 0, 0]) / np.exp([6, 0, 0]).sum() + np.exp([0, 2, 0]) / np.exp([0, 2, 0]).sum()) / 2
    np.testing.assert_allclose(learnt(mean_probabilities, unequal, 1.0), mean, atol=2e-4)


def total_and_gradient(method, teachers, student=STUDENT, weights=None):
    variable = tf.Variable(student)
    with tf.GradientTape() as tape:
        loss = method.loss(teachers, {"logits": variable}, {"labels": LABELS}, TASK.loss, weights)
    return loss.numpy(), tape.gradient(loss, variable).numpy()


@pytest.mark.parametrize("temperature", [1.0, 5.0])
def test_mean_probabilities_and_each_at_one_nth_of_the_weight_have_the_same_gradient(temperature):
    common = {"temperature": temperature, "student_loss_weight": 0.1}
    _, ensemble = total_and_gradient(
        Logits(**common, combine="mean_probabilities", distillation_loss_weight=0.9), TEACHERS
    )
    _, dense = total_and_gradient(Logits(**common, combine="each", distillation_loss_weight=0.9 / 4), TEACHERS)
    assert np.linalg.norm(ensemble - dense) <= 1e-5 * np.linalg.norm(dense)
    _, logits = total_and_gradient(Logits(**common, combine="mean_logits", distillation_loss_weight=0.9), TEACHERS)
    assert np.linalg.norm(logits - dense) > 0.01 * np.linalg.norm(dense)


def test_one_teacher_is_one_teacher_to_the_last_bit():
    found = [total_and_gradient(Logits(combine=name), TEACHERS[:, :1]) for name in COMBINE]
    for loss, gradient in found[1:]:
        assert loss == found[0][0]
        np.testing.assert_array_equal(gradient, found[0][1])


def test_equal_teachers():
    four = np.repeat(TEACHERS[:, :1], 4, axis=1)
    one = float(each(TEACHERS[:, :1], STUDENT, 2.0))
    assert float(each(four, STUDENT, 2.0)) == pytest.approx(4 * one, rel=1e-6)
    assert float(mean_logits(four, STUDENT, 2.0)) == pytest.approx(one, rel=1e-5)
    assert float(mean_probabilities(four, STUDENT, 2.0)) == pytest.approx(one, rel=1e-5)


def test_with_focal_calibration_by_hand():
    teacher, student = np.float32([[[2, 1, 0]]]), np.float32([[1, 2, 0]])
    method = Logits(temperature=4.0, distillation_loss_weight=0.1)
    focal = FocalCalibration(focal_weight=0.01, focusing_exponent=3.0)
    found = float(method.loss(teacher, {"logits": student}, {"labels": np.array([0])}, focal.loss))
    assert found == pytest.approx(0.1 * 0.370932 + 0.9 * 1.407606 + 0.01 * 0.606444, abs=2e-6)  # 1.310003


def test_a_teacher_that_is_left_out_says_nothing():
    kept = float(each(TEACHERS[:, [0, 2, 3]], STUDENT, 2.0))
    assert float(each(TEACHERS, STUDENT, 2.0, np.float32([1, 0, 1, 1]))) == pytest.approx(kept, rel=1e-6)


def test_each_teacher_is_in_three_of_four_batches():
    draw = Logits(drop_teachers=1).per_batch_inputs(4)["teacher_weights"]
    rng = np.random.default_rng(0)
    drawn = np.stack([draw(rng, np.empty(0)) for _ in range(10_000)])
    assert (drawn.sum(axis=1) == 3).all()
    np.testing.assert_allclose(drawn.mean(axis=0), 0.75, atol=0.015)
    assert Logits().per_batch_inputs(4) == {}


def stage(teachers, **method):
    raw = {"name": "s", "kind": "distill", "teachers": teachers, "model": "resnet8", "epochs": 2}
    return parse(Distill, {**raw, "method": {"name": "logits", **method}}, "[[stage]] 's'")


@pytest.mark.parametrize(
    ("teachers", "method", "words"),
    [
        ([], {}, "needs a teacher"),
        (["a", "b", "a"], {}, "teacher 'a' is listed twice"),
        (["a", "b"], {"drop_teachers": 2}, "must be less than the number of teachers .2."),
        (["a"], {"drop_teachers": 1}, "must be less than the number of teachers .1."),
        (["a", "b"], {"drop_teachers": 1, "combine": "mean_logits"}, 'needs combine = "each"'),
        (["a", "b"], {"combine": "mean"}, "combine"),
        (["a"], {"distillation_loss_weight": 2.0}, "give student_loss_weight"),
        (["a", "b"], {"drop_teachers": -1}, "drop_teachers"),
    ],
)
def test_what_cannot_be_is_refused(teachers, method, words):
    def check():
        found = stage(teachers, **method)
        found.check()
        found.method.check(teachers, None, 2)

    with pytest.raises(UserError, match=words):
        check()
