"""Every loss on labels: a pipeline file can name it, it is a number of at least 0, and its gradient goes downhill."""

import inspect

import numpy as np
import pytest

from compress import keras
from compress.config import parse
from compress.errors import UserError
from compress.stages import STAGES
from compress.tasks import TASKS
from compress.tasks.losses import LABEL_LOSSES, Loss
from compress.training import Training

RNG = np.random.default_rng(0)
LOGITS, LABELS = RNG.normal(0, 3, (16, 7)).astype("float32"), RNG.integers(0, 7, 16)

# what the targets and raw outputs of each task are called
NAMES = {"classification": ("logits", "labels")}

losses = pytest.mark.parametrize("name", LABEL_LOSSES)


def named(name, **settings):
    return parse(Training, {"epochs": 1, "label_loss": {"name": name, **settings}}, "test").label_loss


def of_arrays(config):
    """The loss as a function of raw outputs and targets, by the names that its first task has for them."""
    output, target = NAMES[config.TASKS[0]]
    return lambda outputs, targets, *weight: config.loss({output: outputs}, {target: targets}, *weight)


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
        value = loss(logits, tf.constant(LABELS))
    assert value.shape == ()
    assert value.dtype == tf.float32
    assert float(value) > 0
    downhill = LOGITS - 0.1 * tape.gradient(value, logits).numpy()
    assert float(loss(downhill, LABELS)) < float(value)
    right = np.float32(100 * np.eye(7)[LABELS])
    assert 0 <= float(loss(right, LABELS)) < float(value) < float(loss(-right, LABELS)) < np.inf


@losses
def test_the_weight_is_that_of_the_cross_entropy(name):
    """What a second unit of weight adds is the cross-entropy, whatever stands beside it."""
    loss = of_arrays(named(name))
    added = float(loss(LOGITS, LABELS, 2.0)) - float(loss(LOGITS, LABELS, 1.0))
    assert added == pytest.approx(float(of_arrays(LABEL_LOSSES["cross_entropy"]())(LOGITS, LABELS)), rel=1e-5)


def test_every_stage_that_trains_takes_one():
    training = [kind for kind, stage in STAGES.items() if issubclass(stage, Training)]
    assert {"train", "distill", "prune", "quantize"} <= set(training)
    for kind in training:
        assert STAGES[kind].__dataclass_fields__["label_loss"].default is None  # the task's own
