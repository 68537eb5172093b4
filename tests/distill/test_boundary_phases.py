"""Connectors between maps of different widths, and the two phases of activation-boundary distillation."""

import numpy as np
import pytest

from compress import keras
from compress.distill.activation_boundary import ActivationBoundary
from compress.errors import UserError
from tests.said import TASK

layers = keras.layers
DENSENET = [(56, 64, 64), (28, 128, 128), (14, 256, 256), (7, 896, 512)]  # side, width in 201, width in 121
IMAGES = np.random.default_rng(0).random((16, 8, 8, 3), dtype="float32")
LABELS = np.arange(16) % 3


def maps(widths, sides, name="maps"):
    """A network without weights whose outputs have these widths and sides."""
    image = keras.Input((64, 64, 1))
    outputs = []
    for width, side in zip(widths, sides, strict=True):
        x = layers.Cropping2D(((0, 64 - side), (0, 64 - side)))(image)
        outputs.append(layers.Concatenate()([x] * width))
    return keras.Model(image, tuple(outputs), name=name)


def small(widths, name, norms=True):
    """Two convolutions, "first" and "second", to be tapped, each with its ReLU behind it; 3 classes."""
    image = x = keras.Input((8, 8, 3))
    for tap, width in zip(("first", "second"), widths, strict=True):
        x = layers.Conv2D(width, 3, 2, padding="same", name=tap if not norms else f"{tap}_conv")(x)
        if norms:
            x = layers.BatchNormalization(name=tap, momentum=0.9)(x)
        x = layers.ReLU()(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(3, name="predictions")(x), name=name)


PAIRS = (("first", "first"), ("second", "second"))


@pytest.fixture(autouse=True)
def _seed():
    keras.utils.set_random_seed(0)


@pytest.mark.parametrize(("connector", "count"), [("minimal", 462_336), ("auto", 550_144)])
def test_the_connectors_of_densenet201_to_densenet121(connector, count):
    sides, teacher, student = zip(*DENSENET, strict=True)
    method = ActivationBoundary(connector=connector)
    connected = method.connect(maps(teacher, sides), maps(student, sides), [("t", "s")] * 4)
    assert connected.count_params() == count
    assert [m.shape[1:] for m in connected.outputs] == [(side, side, w) for side, w, _ in DENSENET]


def test_connectors_start_as_the_authors_do():
    teacher, student = maps([256], [2]), maps([128], [2])
    connected = ActivationBoundary().connect(teacher, student, [("t", "s")])
    conv = connected.get_layer("connector1")
    assert conv.kernel.shape == (1, 1, 128, 256)
    assert not conv.use_bias
    assert conv.activation is keras.activations.linear
    # N(0, sqrt(2 / (k * k * width out))): about 0.0884, within 2 % for 32768 numbers
    assert np.std(conv.kernel.numpy()) == pytest.approx((2 / 256) ** 0.5, rel=0.02)
    assert abs(conv.kernel.numpy()).max() > 3 * (2 / 256) ** 0.5  # not truncated
    gamma, beta, *_ = connected.get_layer("connector1_bn").get_weights()
    assert (gamma == 1).all()
    assert (beta == 0).all()


def test_two_connectors_of_one_shape_start_differently():
    connected = ActivationBoundary().connect(maps([4, 4], [2, 2]), maps([4, 4], [2, 2]), [("t", "s")] * 2)
    one, two = (connected.get_layer(f"connector{i}").kernel.numpy() for i in (1, 2))
    assert (one != two).any()


def test_minimal_connects_only_where_widths_differ():
    connected = ActivationBoundary(connector="minimal").connect(
        maps([4, 6], [2, 2]), maps([4, 5], [2, 2]), [("t", "s")] * 2
    )
    assert [layer.name for layer in connected.layers if layer.name.startswith("connector")] == [
        "connector2",
        "connector2_bn",
    ]


def test_maps_of_different_sizes_are_refused_by_name_and_size():
    with pytest.raises(UserError) as error:
        ActivationBoundary().connect(maps([4], [6]), maps([4], [5]), [("deep", "shallow")])
    for word in ("deep", "shallow", "6x6", "5x5"):
        assert word in str(error.value)


def test_an_unknown_layer_says_the_nearest():
    method = ActivationBoundary(init_epochs=1, layers=(("frist", "first"),))
    with pytest.raises(UserError, match=r"layer of big 'frist'; did you mean first"):
        method.phases([small((4, 6), "big")], small((4, 4), "little"), 2, TASK, TASK.loss)
    method = ActivationBoundary(init_epochs=1, layers=(("first", "secnd"),))
    with pytest.raises(UserError, match=r"layer of little 'secnd'; did you mean second"):
        method.phases([small((4, 6), "big")], small((4, 4), "little"), 2, TASK, TASK.loss)


@pytest.mark.parametrize("init_epochs", [3, 4])
def test_no_epoch_left_for_labels_is_refused(init_epochs):
    method = ActivationBoundary(init_epochs=init_epochs, layers=PAIRS)
    with pytest.raises(UserError, match="must be less than the stage's epochs .3."):
        method.check(["densenet201"], "densenet121", 3)


def test_a_copy_of_the_teacher_switches_as_the_teacher_does():
    teacher = small((4, 6), "big", norms=False)
    student = keras.models.clone_model(teacher)
    student.set_weights(teacher.get_weights())
    method = ActivationBoundary(init_epochs=1, layers=PAIRS, connector="minimal")
    phase = method.phases([teacher], student, 2, TASK, TASK.loss)[0]
    loss, logs = phase.objective(phase.network, IMAGES, {"labels": LABELS})
    assert {name: float(value) for name, value in logs.items()} == {"similarity_first": 1.0, "similarity_second": 1.0}
    assert loss > 0  # they are not all beyond the margin


def train(phase, steps, rate):
    optimizer = keras.optimizers.legacy.SGD(rate, momentum=0.9)
    weights = phase.network.trainable_weights
    similarities = []
    for _ in range(steps):
        with keras.tf.GradientTape() as tape:
            loss, logs = phase.objective(phase.network, IMAGES, {"labels": LABELS})
        gradients = tape.gradient(loss, weights)
        optimizer.apply_gradients([(g, w) for g, w in zip(gradients, weights, strict=True) if g is not None])
        similarities.append({name: float(value) for name, value in logs.items()})
    return similarities


def test_the_first_phase_raises_similarity_and_leaves_classifier_and_teacher_alone():
    teacher, student = small((4, 6), "big"), small((5, 5), "little")
    for layer in teacher.layers:  # statistics that a trained teacher would have: its maps have both signs
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights(
                [np.ones_like(layer.gamma), np.linspace(-1, 1, layer.gamma.shape[0]), *layer.get_weights()[2:]]
            )
    teacher.trainable = False
    teacher_before = teacher.get_weights()
    classifier, first = student.get_layer("predictions"), student.get_layer("first_conv")
    classifier_before, first_before = classifier.get_weights(), first.get_weights()
    method = ActivationBoundary(init_epochs=1, layers=PAIRS)
    phase = method.phases([teacher], student, 2, TASK, TASK.loss)[0]
    assert not {id(w) for w in phase.network.trainable_weights} & {id(w) for w in classifier.weights}
    # strength 49.15 asks for a small rate
    similarities = train(phase, 30, rate=3e-3)
    for tap in ("similarity_first", "similarity_second"):
        assert similarities[-1][tap] > similarities[0][tap] + 0.05
        assert similarities[-1][tap] > 0.7
    assert (first.get_weights()[0] != first_before[0]).any()
    for now, before in zip(classifier.get_weights(), classifier_before, strict=True):
        np.testing.assert_array_equal(now, before)
    for now, before in zip(teacher.get_weights(), teacher_before, strict=True):
        np.testing.assert_array_equal(now, before)


def test_the_first_phase_adapts_the_students_batch_statistics():
    teacher, student = small((4, 6), "big"), small((5, 5), "little")
    phase = ActivationBoundary(init_epochs=1, layers=PAIRS).phases([teacher], student, 2, TASK, TASK.loss)[0]
    before = student.get_layer("first").moving_mean.numpy()
    train(phase, 1, rate=1e-9)
    assert (student.get_layer("first").moving_mean.numpy() != before).all()


def test_the_second_phase_is_cross_entropy_of_the_student_itself():
    teacher, student = small((4, 6), "big"), small((5, 5), "little")
    boundaries, labels = ActivationBoundary(init_epochs=1, layers=PAIRS).phases([teacher], student, 3, TASK, TASK.loss)
    assert (boundaries.epochs, labels.epochs) == (1, 3)
    assert labels.network is student
    loss, logs = labels.objective(student, IMAGES, {"labels": LABELS})
    logits = student(IMAGES, training=True).numpy()
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    assert float(loss) == pytest.approx(-log_p[np.arange(16), LABELS].mean(), rel=1e-5)
    assert float(logs["accuracy"]) == np.mean(logits.argmax(-1) == LABELS)
