"""Every distillation method: phases up to the stage's end, a loss that trains the student and never the teacher.

A new one adds its line to SETTINGS.
"""

import inspect

import numpy as np
import pytest

from compress import keras, models
from compress.config import parse
from compress.distill import METHODS, Method
from compress.errors import UserError
from compress.stages.distill import Distill

IMAGES = np.random.default_rng(0).random((2, 32, 32, 3), dtype="float32")
LABELS = np.array([1, 4])
EPOCHS = 6
# what each method needs to be told for the networks below
SETTINGS = {"logits": {}, "activation_boundary": {"layers": [["stage3_block1_add", "stage3_block1_add"]]}}

methods = pytest.mark.parametrize("name", METHODS)


def method(name, **settings):
    """The method as a pipeline file asks for it."""
    raw = {"name": name, **SETTINGS[name], **settings}
    stage = {"name": "s", "kind": "distill", "teachers": ["t"], "model": "resnet8", "epochs": EPOCHS, "method": raw}
    return parse(Distill, stage, "[[stage]] 's'").method


def networks():
    teacher, student = (models.build("resnet8", 32, 5, seed=seed) for seed in (0, 1))
    teacher.trainable = False
    return teacher, student


def loss_of(phase, **beside):
    return phase.objective(phase.network, keras.tf.constant(IMAGES), keras.tf.constant(LABELS), **beside)


def test_every_method_has_settings_here():
    assert SETTINGS.keys() == METHODS.keys()


@methods
def test_a_pipeline_file_can_name_it(name):
    chosen = method(name)
    assert type(chosen) is METHODS[name]
    assert chosen.name == name
    assert chosen.__doc__


@methods
def test_it_has_what_a_method_has(name):
    assert isinstance(method(name), Method)
    for function in ("check", "drawn", "phases"):
        wanted, own = (inspect.signature(getattr(kind, function)) for kind in (Method, METHODS[name]))
        assert list(own.parameters) == list(wanted.parameters)


@methods
def test_it_takes_networks_of_any_name_that_its_settings_fit(name):
    method(name).check(["resnet8"], "resnet8", EPOCHS)
    method(name).check([None], None, EPOCHS)


@methods
def test_what_is_drawn_with_a_batch_follows_from_the_seed(name):
    teacher, student = networks()
    phases = method(name).phases([teacher], student, EPOCHS)
    for key, draw in method(name).drawn(3).items():
        assert all(key in inspect.signature(phase.objective).parameters for phase in phases)
        first, again = (draw(np.random.default_rng(5)) for _ in range(2))
        assert np.array_equal(first, again)


@methods
def test_teachers_are_not_needed_where_their_outputs_will_do(name):
    """The loss is the same with the teachers' logits in their place; who needs the teachers takes no logits."""
    teacher, student = networks()
    chosen = method(name)
    with_teachers = chosen.phases([teacher], student, EPOCHS)
    taken = ["teacher_logits" in inspect.signature(phase.objective).parameters for phase in with_teachers]
    assert any(taken) == chosen.FROM_OUTPUTS
    if chosen.FROM_OUTPUTS:
        logits = np.stack([teacher(IMAGES, training=False)], axis=1)
        given = loss_of(chosen.phases((), student, EPOCHS)[0], teacher_logits=keras.tf.constant(logits))
        assert float(given[0]) == pytest.approx(float(loss_of(with_teachers[0])[0]), rel=1e-5)


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
            loss, logs = loss_of(phase)
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
        losses.append(float(loss_of(method(name).phases([teacher], student, EPOCHS)[0])[0]))
    assert losses[0] == losses[1]


@methods
def test_an_unknown_key_names_the_known_ones(name):
    with pytest.raises(UserError, match=r"unknown key 'method.colour'.*known keys: name") as error:
        method(name, colour=3.0)
    assert "\n" not in str(error.value)
