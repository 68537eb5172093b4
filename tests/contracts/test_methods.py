"""Every distillation method: phases up to the stage's end, a loss that trains the student and never the teacher.

A new one adds its line to SETTINGS.
"""

import inspect

import numpy as np
import pytest

from compress import keras, models
from compress.config import parse
from compress.datasets import Augmentation
from compress.distill import METHODS, Method
from compress.errors import UserError
from compress.models.detector import DetectionHead
from compress.models.head import DensityHead
from compress.stages.distill import Distill
from compress.targets import Boxes, Points
from compress.tasks import TASKS

IMAGES = np.random.default_rng(0).random((2, 32, 32, 3), dtype="float32")
LABELS = np.array([1, 4])
EPOCHS = 6
# what each method needs to be told for the networks below
SETTINGS = {
    "logits": {},
    "activation_boundary": {"layers": [["stage3_block1_add", "stage3_block1_add"]]},
    "sigmoids": {},
    "outputs": {},
    "density": {},
    "fgfi": {},
    "blur_robust": {},
    "lgd": {},
    "slv": {},
}
# the targets of a batch of two images for each task, and of five outputs
TARGETS = {
    "classification": {"labels": LABELS},
    "multi_label": {"present": np.float32([[0, 1, 0, 0, 1], [1, 0, 0, 1, 0]])},
    "regression": {"values": np.float32([[0, 1, 2, 3, 4], [4, 3, 2, 1, 0]])},
    "detection": Boxes.of(
        [np.float32([[4, 4, 20, 20, 1, 0]]), np.float32([[0, 10, 18, 28, 0, 0], [16, 0, 32, 14, 2, 0]])], (32, 32)
    ).arrays(),
    "counting": Points.of([np.float32([[9, 9, 2]]), np.float32([[4, 20, 2], [30, 8, 3]])], (32, 32)).arrays(),
}
# and heads, where they are not resnet8 of five classes
NETWORKS = {
    "counting": ("mcnn", DensityHead(1.5 / 32**2)),
    "detection": ("resnet10_1_4", DetectionHead(3, 3, channels=8, depth=1)),
}
TASK_SETTINGS = {"detection": {"frame": (32, 32), "anchor_size": 2.0, "anchor_scales": (1.0,)}}

methods = pytest.mark.parametrize("name", METHODS)


def method(name, **settings):
    """The method as a pipeline file asks for it."""
    return stage_of(name, **settings).method


def stage_of(name, **settings):
    raw = {"name": name, **SETTINGS[name], **settings}
    teachers = ["t"] * METHODS[name].TEACHERS[0]
    stage = {"name": "s", "kind": "distill", "teachers": teachers, "model": "resnet8", "epochs": EPOCHS, "method": raw}
    return parse(Distill, stage, "[[stage]] 's'")


def networks(name):
    network, head = NETWORKS.get(task_of(name).name, ("resnet8", 5))
    teacher, student = (models.build(network, 32, head, seed=seed) for seed in (0, 1))
    teacher.trainable = False
    return teacher, student


def task_of(name):
    """A task that the method works for."""
    chosen = (METHODS[name].TASKS or tuple(TASKS))[0]
    return TASKS[chosen](**TASK_SETTINGS.get(chosen, {}))


def phases_of(name, teachers, student, **settings):
    task, chosen = task_of(name), method(name, **settings)
    keras.utils.set_random_seed(7)
    return chosen.phases(teachers, chosen.prepared(student), EPOCHS, task, task.loss)


def loss_of(name, phase, **extra_inputs):
    targets = {key: keras.tf.constant(values) for key, values in TARGETS[task_of(name).name].items()}
    bytes_ = (255 * IMAGES).astype(np.uint8)
    drawn = {key: draw(np.random.default_rng(3), bytes_) for key, draw in method(name).per_batch_inputs(1).items()}
    return phase.objective(phase.network, keras.tf.constant(IMAGES), targets, **drawn, **extra_inputs)


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
    for function in ("check", "check_network", "check_teacher", "per_batch_inputs", "prepared", "phases"):
        wanted, own = (inspect.signature(getattr(kind, function)) for kind in (Method, METHODS[name]))
        assert list(own.parameters) == list(wanted.parameters)


@methods
def test_it_takes_networks_of_any_name_that_its_settings_fit(name):
    least, most = METHODS[name].TEACHERS
    method(name).check(["resnet8"] * least, "resnet8", EPOCHS)
    method(name).check([None] * least, None, EPOCHS)
    for count, message in (
        (least - 1, "needs a teacher"),
        (None if most is None else most + 1, f"takes at most {most} teacher" if most else "takes no teacher"),
    ):
        if count is not None and count >= 0:
            with pytest.raises(UserError, match=message):
                method(name).check(["resnet8"] * count, "resnet8", EPOCHS)


@methods
def test_what_is_drawn_with_a_batch_follows_from_the_seed(name):
    teacher, student = networks(name)
    phases = phases_of(name, [teacher], student)
    for key, draw in method(name).per_batch_inputs(3).items():
        assert all(key in inspect.signature(phase.objective).parameters for phase in phases)
        first, again = (draw(np.random.default_rng(5), np.zeros((2, 32, 32, 3), np.uint8)) for _ in range(2))
        assert np.array_equal(first, again)


@methods
def test_teachers_are_not_needed_where_their_outputs_will_do(name):
    """The loss is the same with the teachers' outputs in their place."""
    teacher, student = networks(name)
    with_teachers = phases_of(name, [teacher], student)
    if not method(name).FROM_OUTPUTS:
        return
    (output,) = task_of(name).OUTPUTS
    said = keras.tf.constant(np.stack([teacher(IMAGES, training=False)], axis=1))
    (without,) = phases_of(name, (), student)
    given = loss_of(name, without, **{f"teacher_{output.name}": said})
    assert float(given[0]) == pytest.approx(float(loss_of(name, with_teachers[0])[0]), rel=1e-5)


@methods
def test_it_names_tasks_that_there_are_and_a_stage_refuses_the_others(name):
    assert set(METHODS[name].TASKS) <= TASKS.keys()
    stage = stage_of(name)
    for task in TASKS:
        if not METHODS[name].TASKS or task in METHODS[name].TASKS:
            stage.check_task(TASKS[task]())
        else:
            with pytest.raises(UserError, match=f'method "{name}" is for the task.*, but the task is {task}$'):
                stage.check_task(TASKS[task]())


@methods
def test_phases_follow_each_other_to_the_last_epoch(name):
    teacher, student = networks(name)
    phases = phases_of(name, [teacher], student)
    ends = [phase.epochs for phase in phases]
    assert ends == sorted(set(ends))
    assert ends[0] > 0
    assert ends[-1] == EPOCHS
    assert len({phase.name for phase in phases}) == len(phases)


@methods
def test_every_phase_trains_the_student_and_not_the_teacher(name):
    tf = keras.tf
    teacher, student = networks(name)
    before = [weight.numpy() for weight in teacher.weights]
    for phase in phases_of(name, [teacher], student):
        with tf.GradientTape() as tape:
            loss, logs = loss_of(name, phase)
        assert loss.shape == ()
        assert float(loss) > 0
        assert all(value.shape == () for value in logs.values())
        weights = phase.network.trainable_weights
        own = {id(weight) for weight in student_of(phase).trainable_weights}
        gradients = tape.gradient(loss, weights)
        moved = [w for w, g in zip(weights, gradients, strict=True) if g is not None and np.any(g.numpy())]
        assert any(id(weight) in own for weight in moved)
        assert not any(weight is w for weight in teacher.weights for w in weights)
    assert all(np.array_equal(old, weight.numpy()) for old, weight in zip(before, teacher.weights, strict=True))


@methods
def test_it_can_be_traced_for_batches_of_any_length_as_a_training_does(name):
    """What works eagerly need not work in a graph; the loss is the same in both."""
    tf = keras.tf
    teacher, student = networks(name)
    targets = TARGETS[task_of(name).name]
    drawn = {
        key: draw(np.random.default_rng(3), (255 * IMAGES).astype(np.uint8))
        for key, draw in method(name).per_batch_inputs(1).items()
    }
    for phase in phases_of(name, [teacher], student):
        specs = [
            tf.TensorSpec([None, *IMAGES.shape[1:]], tf.float32),
            {key: tf.TensorSpec([None, *values.shape[1:]], values.dtype) for key, values in targets.items()},
            {key: tf.TensorSpec([None, *values.shape[1:]], values.dtype) for key, values in drawn.items()},
        ]

        @tf.function(input_signature=specs)
        def traced(images, targets, drawn, phase=phase):
            with tf.GradientTape() as tape:
                loss, _ = phase.objective(phase.network, images, targets, **drawn)
            gradients = tape.gradient(loss, phase.network.trainable_weights)
            return loss, [gradient for gradient in gradients if gradient is not None]

        loss, gradients = traced(
            tf.constant(IMAGES),
            {key: tf.constant(values) for key, values in targets.items()},
            {key: tf.constant(values) for key, values in drawn.items()},
        )
        assert np.isfinite(loss) and gradients
        assert float(loss) == pytest.approx(float(loss_of(name, phase)[0]), rel=1e-3)


def student_of(phase):
    """The network that is emitted; some methods train it as a part of another."""
    return getattr(phase.network, "student", phase.network)


@methods
def test_it_can_be_run_again_and_gives_the_same_loss(name):
    losses = []
    for _ in range(2):
        teacher, student = networks(name)
        losses.append(float(loss_of(name, phases_of(name, [teacher], student)[0])[0]))
    assert losses[0] == losses[1]


@methods
def test_an_unknown_key_names_the_known_ones(name):
    with pytest.raises(UserError, match=r"unknown key 'method.colour'.*known keys: name") as error:
        method(name, colour=3.0)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("crop", [{"crop_padding": 4}, {"resized_crop": {}}])
@methods
def test_only_methods_that_read_boxes_of_parts_learn_from_parts(name, crop):
    """The classes that a part of an image shows follow from its boxes, which some methods must not read."""
    stage, augmentation = stage_of(name), parse(Augmentation, crop, "[data] augmentation")
    if METHODS[name].WEAK_LABELS:
        with pytest.raises(UserError, match="needs whole images: leave crop_padding and resized_crop out"):
            stage.check_augmentation(augmentation)
    else:
        stage.check_augmentation(augmentation)
