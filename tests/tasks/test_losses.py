"""The focal loss by hand: z = [1, 2, 0] and label 0 give p = e / (e + e^2 + 1) = 0.244728."""

import math

import numpy as np
import pytest

from compress import keras
from compress.config import parse
from compress.errors import UserError
from compress.stages.train import Train
from compress.tasks.classification import cross_entropy
from compress.tasks.losses import CrossEntropy, FocalCalibration, SigmoidCrossEntropy
from compress.tasks.losses.focal_calibration import exponents, focal
from tests.said import TASK

LOGITS, LABEL = np.float32([[1, 2, 0]]), np.array([0])
RNG = np.random.default_rng(0)
MANY, LABELS = RNG.normal(0, 4, (64, 10)).astype("float32"), RNG.integers(0, 10, 64)


def of_arrays(config):
    """The loss of a config, as a function of logits and labels."""
    return lambda logits, labels, *weight: config.loss({"logits": logits}, {"labels": labels}, *weight)


def logits_of(p):
    """Two classes, the first of probability ``p``."""
    return np.float32([[math.log(p / (1 - p)), 0]])


@pytest.mark.parametrize(("exponent", "value"), [(1, 1.063124), (2, 0.802948), (3, 0.606444)])
def test_focal_by_hand(exponent, value):
    assert float(focal(LOGITS, LABEL, exponent)) == pytest.approx(value, abs=1e-6)
    p = math.e / (math.e + math.e**2 + 1)
    assert value == pytest.approx(-((1 - p) ** exponent) * math.log(p), abs=1e-6)


def test_the_sum_by_hand():
    """1.407606 + 0.01 * 0.606444, and 0.9 of the first."""
    loss = of_arrays(FocalCalibration(focal_weight=0.01))
    assert float(loss(LOGITS, LABEL)) == pytest.approx(1.413670, abs=1e-6)
    assert float(loss(LOGITS, LABEL, 0.9)) == pytest.approx(0.9 * 1.407606 + 0.01 * 0.606444, abs=1e-6)


def test_a_batch_counts_by_its_mean():
    each = [float(focal(MANY[i : i + 1], LABELS[i : i + 1], 3.0)) for i in range(len(MANY))]
    assert float(focal(MANY, LABELS, 3.0)) == pytest.approx(np.mean(each), rel=1e-5)


def test_an_exponent_of_zero_would_be_cross_entropy_and_any_other_gives_less():
    entropy = cross_entropy(MANY, LABELS)
    assert float(focal(MANY, LABELS, 0.0)) == pytest.approx(float(entropy), rel=1e-6)
    losses = [float(focal(MANY, LABELS, exponent)) for exponent in (0, 1, 2, 3, 5)]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] > losses[1] > losses[-1] > 0


def test_no_focal_weight_is_cross_entropy_to_the_bit_gradients_too():
    tf = keras.tf
    found = []
    for loss in (cross_entropy, of_arrays(CrossEntropy()), of_arrays(FocalCalibration(focal_weight=0.0))):
        logits = tf.Variable(MANY)
        with tf.GradientTape() as tape:
            value = loss(logits, LABELS)
        found.append((value.numpy(), tape.gradient(value, logits).numpy()))
    for value, gradient in found[1:]:
        assert value == found[0][0]
        np.testing.assert_array_equal(gradient, found[0][1])


def test_the_total_grows_with_focal_weight_and_is_never_negative():
    totals = [float(of_arrays(FocalCalibration(focal_weight=w))(MANY, LABELS)) for w in (0, 0.01, 0.1, 1)]
    assert totals == sorted(totals)
    assert totals[0] < totals[-1]
    sure = np.float32([[100, 0, 0]])
    assert float(of_arrays(FocalCalibration())(sure, LABEL)) == 0


def test_the_exponent_of_a_sample_switches_at_a_fifth():
    p = np.float32([0.0, 0.19, 0.2, 0.6, 1.0])
    assert exponents(p, 3.0).numpy().tolist() == [5, 5, 3, 3, 3]
    assert exponents(p, 2.0).numpy().tolist() == [5, 5, 2, 2, 2]


@pytest.mark.parametrize(("p", "exponent"), [(0.19, 5), (0.21, 3), (0.6, 3)])
def test_sample_dependent_by_hand(p, exponent):
    loss = of_arrays(FocalCalibration(focal_weight=1.0, sample_dependent=True))(logits_of(p), LABEL, 0.0)
    assert float(loss) == pytest.approx(-((1 - p) ** exponent) * math.log(p), rel=1e-5)


@pytest.mark.parametrize("p", [0.05, 0.2, 0.5, 0.9, 0.999])
def test_the_gradient_is_that_of_cross_entropy_times_a_factor(p):
    """(1 - p)^g - g p (1 - p)^(g - 1) log p (Mukhoti et al., proposition 1): 0.512 + 0.618 at g = 3, p = 0.2."""
    tf, gradients = keras.tf, []
    for loss in (cross_entropy, lambda logits, labels: focal(logits, labels, 3.0)):
        logits = tf.Variable(logits_of(p))
        with tf.GradientTape() as tape:
            value = loss(logits, LABEL)
        gradients.append(tape.gradient(value, logits).numpy())
    factor = (1 - p) ** 3 - 3 * p * (1 - p) ** 2 * math.log(p)
    np.testing.assert_allclose(gradients[1], factor * gradients[0], rtol=2e-4)
    if p == 0.2:
        assert factor == pytest.approx(1.130, abs=5e-4)


@pytest.mark.parametrize("sample_dependent", [False, True])
@pytest.mark.parametrize("exponent", [1.0, 1.5, 3.0])
def test_loss_and_gradient_are_finite_however_sure_the_network_is(exponent, sample_dependent):
    tf = keras.tf
    extremes = np.float32([[1e4, 0, 0], [-1e4, 0, 0], [0, 0, 0], [30, 0, 0], [1e30, -1e30, 0], [-1e30, 1e30, 0]])
    logits = tf.Variable(extremes)
    with tf.GradientTape() as tape:
        loss = focal(logits, np.zeros(len(extremes), int), exponent, sample_dependent)
    assert np.isfinite(float(loss))
    assert np.isfinite(tape.gradient(loss, logits).numpy()).all()


def stage(**label_loss):
    raw = {"name": "t", "kind": "train", "model": "resnet8", "epochs": 1}
    return parse(Train, raw | ({"label_loss": label_loss} if label_loss else {}), "[[stage]] 't'")


def test_a_stage_trains_with_cross_entropy_unless_it_says_otherwise():
    assert stage().label_loss is None
    assert stage().loss(TASK) == TASK.loss
    wanted = FocalCalibration(focal_weight=0.5, focusing_exponent=2.0, sample_dependent=True)
    assert (
        stage(name="focal_calibration", focal_weight=0.5, focusing_exponent=2, sample_dependent=True).label_loss
        == wanted
    )
    assert FocalCalibration().focusing_exponent == 3


@pytest.mark.parametrize(
    ("label_loss", "message"),
    [
        (
            {"focal_weight": 0.1},
            "label_loss needs the key 'name'; its value is one of cross_entropy, focal_calibration",
        ),
        ({"name": "focal"}, "unknown label_loss 'focal'; known: cross_entropy, focal_calibration"),
        ({"name": "focal_calibration", "gamma": 3}, "unknown key 'label_loss.gamma'"),
        ({"name": "focal_calibration", "focal_weight": -1}, "label_loss.focal_weight = -1 must be greater"),
        ({"name": "focal_calibration", "focusing_exponent": 0.5}, "label_loss.focusing_exponent = 0.5 must be"),
        ({"name": "focal_calibration", "sample_dependent": 1}, "label_loss.sample_dependent = 1 must be"),
        ({"name": "cross_entropy", "focal_weight": 0.1}, "unknown key 'label_loss.focal_weight'"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key(label_loss, message):
    with pytest.raises(UserError) as error:
        stage(**label_loss)
    assert str(error.value).startswith(f"[[stage]] 't': {message}")
    assert "\n" not in str(error.value)


# p(label) is 3/4, and 1/4 of the other class
CERTAIN, FIRST = np.float32([[np.log(3), 0]]), np.array([0])


def test_label_smoothing_by_hand():
    """0.9 of -log(3/4), and 0.1 of the mean of -log(3/4) and -log(1/4)."""
    wanted = 0.9 * -np.log(3 / 4) + 0.1 * (-np.log(3 / 4) - np.log(1 / 4)) / 2
    smooth = CrossEntropy(label_smoothing=0.1).loss({"logits": CERTAIN}, {"labels": FIRST})
    assert float(smooth) == pytest.approx(wanted, rel=1e-6)
    by_keras = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    assert float(smooth) == pytest.approx(float(by_keras(np.float32([[1, 0]]), CERTAIN)), rel=1e-6)


def test_label_smoothing_of_sets_by_hand():
    """Logits of p = 3/4 of which one class is there, the other is not; 0.95 and 0.05 stand for these."""
    logits, present = np.float32([[np.log(3), np.log(3)]]), np.float32([[1, 0]])
    there, absent = -np.log(3 / 4), -np.log(1 / 4)
    wanted = (0.95 * there + 0.05 * absent + 0.05 * there + 0.95 * absent) / 2
    smooth = SigmoidCrossEntropy(label_smoothing=0.1).loss({"logits": logits}, {"present": present})
    assert float(smooth) == pytest.approx(wanted, rel=1e-6)


def test_the_loss_of_a_mixture_by_hand():
    targets = {"labels": FIRST, "other_labels": np.array([1]), "shares": np.float32([0.7])}
    wanted = 0.7 * -np.log(3 / 4) + 0.3 * -np.log(1 / 4)
    assert float(CrossEntropy().loss({"logits": CERTAIN}, targets)) == pytest.approx(wanted, rel=1e-6)
    assert float(TASK.loss({"logits": CERTAIN}, targets, 2.0)) == pytest.approx(2 * wanted, rel=1e-6)
