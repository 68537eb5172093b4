"""Every distillation method: phases up to the stage's end, a loss that trains the student and never the teacher."""

import dataclasses
import inspect

import numpy as np
import pytest

from compress import keras, models
from compress.config import parse
from compress.distill import METHODS
from compress.errors import UserError
from compress.stages.distill import Distill

IMAGES = np.random.default_rng(0).random((2, 32, 32, 3), dtype="float32")
LABELS = np.array([1, 4])
LAYERS = [["stage3_block1_add", "stage3_block1_add"]]
EPOCHS = 6

methods = pytest.mark.parametrize("name", METHODS)


def method(name, layers=LAYERS, **settings):
    """The method as a pipeline file asks for it, by name alone where it has no layers, and none of the settings."""
    fields = {field.name for field in dataclasses.fields(METHODS[name])}
    raw = {"name": name} | ({"layers": layers} if layers and "layers" in fields else {})
    raw |= {key: value for key, value in settings.items() if key in fields}
    stage = {"name": "s", "kind": "distill", "teachers": ["t"], "model": "resnet8", "epochs": EPOCHS, "method": raw}
    return parse(Distill, stage, "test").method


def networks():
    teacher, student = (models.build("resnet8", 32, 5, seed=seed) for seed in (0, 1))
    teacher.trainable = False
    return teacher, student


@methods
def test_a_pipeline_file_can_name_it(name):
    found = method(name)
    assert type(found) is METHODS[name]
    assert found.name == name
    assert found.__doc__


@methods
def test_a_stage_learns_what_it_needs_of_a_batch(name):
    """An array a batch, under a name that the objective takes; so it takes the teachers' logits, if they will do."""
    chosen = method(name, drop_teachers=1)
    teacher, student = networks()
    taken = inspect.signature(chosen.phases([teacher], student, EPOCHS)[0].objective).parameters
    for key, draw in chosen.drawn(3).items():
        assert key in taken
        assert draw(np.random.default_rng(0)).sum() == 2  # of three teachers one is left out
    assert ("teacher_logits" in taken) == chosen.FROM_OUTPUTS


@methods
def test_it_accepts_two_densenets_without_more_settings(name):
    method(name, layers=None).check(["densenet201"], "densenet121", 9)


@methods
def test_phases_follow_each_other_to_the_last_epoch(name):
    teacher, student = networks()
    phases = method(name).phases([teacher], student, EPOCHS)
    ends = [phase.epochs for phase in phases]
    assert ends == sorted(set(ends))
    assert ends[0] > 0
    assert ends[-1] == EPOCHS
    assert len({phase.name for phase in phases}) == len(phases)


@methods
def test_every_phase_trains_the_student_and_not_the_teacher(name):
    tf = keras.tf
    teacher, student = networks()
    before = [weight.numpy() for weight in teacher.weights]
    own = {id(weight) for weight in student.trainable_weights}
    for phase in method(name).phases([teacher], student, EPOCHS):
        with tf.GradientTape() as tape:
            loss, logs = phase.objective(phase.network, tf.constant(IMAGES), tf.constant(LABELS))
        assert loss.shape == ()
        assert float(loss) > 0
        assert all(value.shape == () for value in logs.values())
        weights = phase.network.trainable_weights
        gradients = tape.gradient(loss, weights)
        moved = [w for w, g in zip(weights, gradients, strict=True) if g is not None and np.any(g.numpy())]
        assert any(id(weight) in own for weight in moved)
        assert not any(weight is w for weight in teacher.weights for w in weights)
    assert all(np.array_equal(old, weight.numpy()) for old, weight in zip(before, teacher.weights, strict=True))


@methods
def test_it_can_be_run_again_and_gives_the_same_loss(name):
    losses = []
    for _ in range(2):
        teacher, student = networks()
        phase = method(name).phases([teacher], student, EPOCHS)[0]
        losses.append(float(phase.objective(phase.network, keras.tf.constant(IMAGES), keras.tf.constant(LABELS))[0]))
    assert losses[0] == losses[1]


@methods
def test_an_unknown_key_names_the_known_ones(name):
    raw = {"name": name, "temprature": 3.0}
    stage = {"name": "s", "kind": "distill", "teachers": ["t"], "model": "resnet8", "epochs": 2, "method": raw}
    with pytest.raises(UserError, match=r"unknown key 'method.temprature'.*known keys: name") as error:
        parse(Distill, stage, "[[stage]] 's'")
    assert "\n" not in str(error.value)
