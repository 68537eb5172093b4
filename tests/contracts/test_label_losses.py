"""Every loss on labels: a pipeline file can name it, it is a number of at least 0, and its gradient goes downhill."""

import inspect

import numpy as np
import pytest

from compress import keras
from compress.config import parse
from compress.datasets import Augmentation
from compress.datasets.mixup import Mixup
from compress.errors import UserError
from compress.stages import STAGES
from compress.targets import ClassIndices, ClassSets
from compress.tasks import TASKS
from compress.tasks.losses import LABEL_LOSSES, Loss
from compress.training import Training

RNG = np.random.default_rng(0)
LOGITS, LABELS = RNG.normal(0, 3, (16, 7)).astype("float32"), RNG.integers(0, 7, 16)

# the targets of each task, of the same classes
TARGETS = {
    "classification": {"labels": LABELS},
    "multi_label": {"present": np.eye(7, dtype="float32")[LABELS]},
}

losses = pytest.mark.parametrize("name", LABEL_LOSSES)


def named(name, **settings):
    return parse(Training, {"epochs": 1, "label_loss": {"name": name, **settings}}, "test").label_loss


def of_arrays(config):
    """The loss as a function of logits and a weight, on the targets that its first task has."""
    return lambda logits, *weight: config.loss({"logits": logits}, TARGETS[config.TASKS[0]], *weight)


@losses
def test_a_pipeline_file_can_name_it(name):
    found = named(name)
    assert type(found) is LABEL_LOSSES[name]
    assert found.name == name
    assert found.__doc__
    assert isinstance(found, Loss)
    assert list(inspect.signature(found.loss).parameters) == list(inspect.signature(Loss.loss).parameters)[1:]
    assert set(found.TASKS) <= TASKS.keys() and found.TASKS
    with pytest.raises(UserError, match=r"unknown key 'label_loss.wieght'.*known keys: name"):
        named(name, wieght=1)


@losses
def test_it_is_a_scalar_of_at_least_0_that_falls_with_its_gradient(name):
    tf = keras.tf
    logits, loss = tf.Variable(LOGITS), of_arrays(named(name))
    with tf.GradientTape() as tape:
        value = loss(logits)
    assert value.shape == ()
    assert value.dtype == tf.float32
    assert float(value) > 0
    downhill = LOGITS - 0.1 * tape.gradient(value, logits).numpy()
    assert float(loss(downhill)) < float(value)
    right = np.float32(200 * np.eye(7)[LABELS] - 100)
    assert 0 <= float(loss(right)) < float(value) < float(loss(-right)) < np.inf


@losses
def test_the_weight_is_that_of_the_cross_entropy(name):
    """What a second unit of weight adds is its task's own loss, the cross-entropy, whatever stands beside it."""
    config = named(name)
    loss, task = of_arrays(config), TASKS[config.TASKS[0]]()
    added = float(loss(LOGITS, 2.0)) - float(loss(LOGITS, 1.0))
    assert added == pytest.approx(float(task.loss({"logits": LOGITS}, TARGETS[task.name])), rel=1e-5)


@losses
def test_it_says_whether_it_takes_mixed_classes(name):
    """A loss that does gives of a mixture the shares' mean of both losses, and the stage refuses mixup for another."""
    config = named(name)
    task, training = config.TASKS[0], Training(epochs=1, label_loss=config)
    if not config.TAKES_MIXED:
        with pytest.raises(UserError, match=f'"{name}" does not support the mixed classes of mixup'):
            training.check_augmentation(Augmentation(mixup=Mixup()))
        return
    training.check_augmentation(Augmentation(mixup=Mixup()))
    kind = {"classification": ClassIndices, "multi_label": ClassSets}[task]
    (values,) = TARGETS[task].values()
    targets, others, shares = kind(values), np.arange(16)[::-1], np.full(16, 0.7, np.float32)
    own, other, both = (
        float(config.loss({"logits": LOGITS}, of.arrays()))
        for of in (targets, targets.take(others), targets.mixed(others, shares))
    )
    assert both == pytest.approx(0.7 * own + 0.3 * other, rel=1e-5)


def test_every_stage_that_trains_takes_one():
    training = [kind for kind, stage in STAGES.items() if issubclass(stage, Training)]
    assert {"train", "distill", "prune", "quantize"} <= set(training)
    for kind in training:
        assert STAGES[kind].__dataclass_fields__["label_loss"].default is None  # the task's own
