"""The loop: what a step does, what is recorded, and that a killed training resumes as if nothing had been."""

import csv
import dataclasses

import numpy as np
import pytest

from compress import keras
from compress.datasets import Augmentation
from compress.datasets.splits import ArraySplit
from compress.distill import Logits
from compress.prune import gradual
from compress.prune.masks import GradualPruning
from compress.training import Data, Diverged, Progress, Training, fit
from tests.said import TASK, labels_only

layers, tf = keras.layers, keras.tf
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (21, 8, 8, 3), dtype="uint8")
DATA = Data(ArraySplit(IMAGES, np.arange(21) % 3, 8), Augmentation(crop_padding=1, flip=True), 4)


def network(dropout=0.0):
    keras.utils.set_random_seed(1)
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, 2, name="conv")(image)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.GlobalAveragePooling2D()(x)
    if dropout:
        x = layers.Dropout(dropout)(x)
    return keras.Model(image, layers.Dense(3, name="predictions")(x), name="small")


class Killed(Exception):
    pass


class Kill(keras.callbacks.Callback):
    """Ends the process's work in the middle of an epoch (from 0), after two of its steps."""

    def __init__(self, epoch):
        super().__init__()
        self.at, self.epoch = epoch, None

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.epoch == self.at and batch == 1:
            raise Killed


def once(folder, build, training, kill_in=None, validate=dict, data=DATA, objective=labels_only):
    """A process's life: a fresh network, trained until it is killed or done; returns what was built."""
    folder.mkdir(exist_ok=True)
    trained, callbacks = build(folder)
    kill = [] if kill_in is None else [Kill(kill_in)]

    def call():
        return fit(
            trained,
            objective,
            data,
            training,
            folder / "backup",
            Progress(),
            validate,
            (*callbacks, *kill),
        )

    if kill:
        with pytest.raises(Killed):
            call()
    else:
        call()
    return trained


def rows(folder):
    with (folder / "history.csv").open() as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]


def assert_same_weights(one, other):
    assert len(one.weights) == len(other.weights)
    for a, b in zip(one.weights, other.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=a.name)


def plain(folder):
    return network(), ()


def with_dropout(folder):
    return network(dropout=0.5), ()


def pruned(folder):
    model = network()
    schedule = keras.tfmot.sparsity.keras.PolynomialDecay(0.0, 0.8, 0, 12, frequency=2)
    kernels = [layer.kernel for layer in gradual.prunable_layers(model)]
    return model, (GradualPruning(kernels, schedule, 6, folder / "sparsity.csv"),)


SETTINGS = {
    "adam": (plain, Training(epochs=3, batch_size=4, learning_rate=0.01)),
    "sgd and weight decay": (plain, Training(epochs=3, batch_size=4, optimizer="sgd", learning_rate=0.05,
                                             schedule="steps", drop_after=(2,), weight_decay=0.01)),
    "pruning": (pruned, Training(epochs=3, batch_size=4, learning_rate=0.01)),
    "dropout": (with_dropout, Training(epochs=3, batch_size=4, learning_rate=0.01)),
}  # fmt: skip


@pytest.mark.parametrize(("build", "training"), SETTINGS.values(), ids=SETTINGS)
def test_killed_and_resumed_is_as_uninterrupted_to_the_bit(build, training, tmp_path):
    whole = once(tmp_path / "whole", build, training)
    once(tmp_path / "killed", build, training, kill_in=1)
    assert len(rows(tmp_path / "killed")) == 1
    once(tmp_path / "killed", build, training, kill_in=2)
    resumed = once(tmp_path / "killed", build, training)
    assert_same_weights(resumed, whole)
    assert rows(tmp_path / "killed") == rows(tmp_path / "whole")
    if build is pruned:
        traces = [(tmp_path / run / "sparsity.csv").read_text() for run in ("killed", "whole")]
        assert traces[0] == traces[1]
        assert len(traces[0].splitlines()) == 10


def test_what_is_drawn_with_a_batch_is_drawn_again_after_a_kill(tmp_path):
    logits = np.random.default_rng(0).normal(size=(len(DATA.train), 2, 3)).astype("float32")
    method = Logits(drop_teachers=1)
    data = dataclasses.replace(
        DATA, per_image_inputs={"teacher_logits": logits}, per_batch_inputs=method.per_batch_inputs(2)
    )
    training = Training(epochs=3, batch_size=4, learning_rate=0.01)

    def build(folder):
        return network(), ()

    def objective(model, images, labels, **beside):
        assert set(beside) == {"teacher_logits", "teacher_weights"}
        return method.phases([], model, 3, TASK, TASK.loss)[0].objective(model, images, labels, **beside)

    whole = once(tmp_path / "whole", build, training, data=data, objective=objective)
    once(tmp_path / "killed", build, training, data=data, objective=objective, kill_in=1)
    resumed = once(tmp_path / "killed", build, training, data=data, objective=objective)
    assert_same_weights(resumed, whole)
    alone = once(tmp_path / "alone", build, training, data=DATA)
    assert any((a.numpy() != b.numpy()).any() for a, b in zip(alone.weights, whole.weights, strict=True))


def test_twice_the_same_gives_the_same_and_another_seed_does_not(tmp_path):
    training = Training(epochs=1, batch_size=4, learning_rate=0.01)
    one, other = (once(tmp_path / name, with_dropout, training) for name in ("one", "other"))
    assert_same_weights(one, other)
    third = once(tmp_path / "third", with_dropout, training, data=Data(DATA.train, DATA.augmentation, 5))
    assert (third.get_layer("conv").kernel.numpy() != one.get_layer("conv").kernel.numpy()).any()


def test_what_is_done_is_not_done_again(tmp_path):
    training = Training(epochs=2, batch_size=8)
    done = once(tmp_path / "run", plain, training)
    calls = []
    again = once(tmp_path / "run", plain, training, validate=lambda: calls.append(1) or {})
    assert_same_weights(again, done)
    assert not calls
    assert [row["epoch"] for row in rows(tmp_path / "run")] == ["1", "2"]


def test_two_phases_go_through_all_epochs_on_one_schedule(tmp_path):
    training = Training(epochs=3, batch_size=8, schedule="steps", drop_after=(1,), optimizer="sgd", momentum=0.0)
    seen = []

    def objective(network, images, labels):
        return labels_only(network, images, labels)

    model = network()
    for name, first, last in (("a", 0, 1), ("b", 1, 3)):
        fit(model, objective, DATA, training, tmp_path / name, Progress(), lambda: seen.append(1) or {"val": 0.25},
            first_epoch=first, last_epoch=last)  # fmt: skip
    assert len(seen) == 3
    found = rows(tmp_path)
    assert [row["epoch"] for row in found] == ["1", "2", "3"]
    assert {row["val"] for row in found} == {"0.25"}


class Orders(Data):
    """Remembers which epochs' batches were asked for."""

    def batch(self, batch_size, epoch, number):
        self.asked.append(epoch)
        return super().batch(batch_size, epoch, number)


def test_each_epoch_gets_its_own_order(tmp_path):
    data = Orders(DATA.train, DATA.augmentation, 4)
    object.__setattr__(data, "asked", [])
    fit(network(), labels_only, data, Training(epochs=4, batch_size=8), tmp_path / "backup", Progress(), dict,
        first_epoch=1, last_epoch=4)  # fmt: skip
    assert sorted(data.asked) == [1, 1, 1, 2, 2, 2, 3, 3, 3]


def test_the_row_of_an_epoch(tmp_path):
    """Loss and accuracy are means over the steps; the validation's numbers stand beside them."""
    constant = keras.Model(
        image := keras.Input((8, 8, 3)), layers.Dense(3, kernel_initializer="zeros")(layers.Flatten()(image))
    )
    data, training = Data(DATA.train, Augmentation(), 0), Training(epochs=1, batch_size=7, learning_rate=1e-12)
    fit(constant, labels_only, data, training, tmp_path / "backup", Progress(), lambda: {"val_top1": 1 / 3})
    (row,) = rows(tmp_path)
    assert float(row["loss"]) == pytest.approx(np.log(3), abs=1e-5)
    assert row["val_top1"] == "0.333333"
    assert list(row) == ["epoch", "loss", "accuracy", "val_top1"]


def one_step(tmp_path, **settings):
    """A linear network of known weights after one step on one known image of label 0; lr 0.5."""
    image = keras.Input((8, 8, 3))
    x = layers.Lambda(lambda x: x[:, 0, 0, :1])(image)
    model = keras.Model(image, layers.Dense(2, name="dense")(x))
    model.get_layer("dense").set_weights([np.float32([[1.0, 3.0]]), np.float32([0.5, 0.5])])
    images = np.full((1, 8, 8, 3), 51, "uint8")  # 0.2
    data = Data(ArraySplit(images, np.array([0]), 8), Augmentation(), 0)
    training = Training(epochs=1, batch_size=1, learning_rate=0.5, schedule="constant", **settings)
    fit(model, labels_only, data, training, tmp_path / "backup", Progress(), dict)
    return model.get_layer("dense").get_weights(), float(rows(tmp_path)[0]["loss"])


# logits 0.7 and 1.1; p = softmax; the gradient to a logit is p - [1, 0], to a kernel 0.2 times that
P = np.exp([0.7, 1.1]) / np.exp([0.7, 1.1]).sum()
GRADIENT = P - [1, 0]


def test_a_step_of_sgd_by_hand(tmp_path):
    (kernel, bias), loss = one_step(tmp_path, optimizer="sgd", momentum=0.0)
    np.testing.assert_allclose(kernel[0], [1, 3] - 0.5 * 0.2 * GRADIENT, rtol=1e-6)
    np.testing.assert_allclose(bias, 0.5 - 0.5 * GRADIENT, rtol=1e-6)
    assert loss == pytest.approx(-np.log(P[0]), abs=1e-6)


def test_a_first_step_of_nesterov_by_hand(tmp_path):
    (kernel, _), _ = one_step(tmp_path, optimizer="sgd", momentum=0.9)
    np.testing.assert_allclose(kernel[0], [1, 3] - 0.5 * 1.9 * 0.2 * GRADIENT, rtol=1e-6)


def test_a_first_step_of_adam_is_the_rate(tmp_path):
    (kernel, _), _ = one_step(tmp_path, optimizer="adam")
    np.testing.assert_allclose(kernel[0], [1 + 0.5, 3 - 0.5], rtol=1e-4)


def test_weight_decay_is_half_the_squares_of_kernels(tmp_path):
    (kernel, bias), loss = one_step(tmp_path, optimizer="sgd", momentum=0.0, weight_decay=0.1)
    assert loss == pytest.approx(-np.log(P[0]) + 0.5 * 0.1 * (1 + 9), abs=1e-6)
    np.testing.assert_allclose(kernel[0], [1, 3] - 0.5 * (0.2 * GRADIENT + 0.1 * np.array([1, 3])), rtol=1e-6)
    np.testing.assert_allclose(bias, 0.5 - 0.5 * GRADIENT, rtol=1e-6)  # no decay of biases


def test_weight_decay_goes_by_the_weight_not_by_the_layers_name(tmp_path):
    image = keras.Input((8, 8, 3))
    x = layers.BatchNormalization(name="kernel_norm")(image)
    model = keras.Model(image, layers.Dense(3, kernel_initializer="zeros")(layers.GlobalAveragePooling2D()(x)))
    training = Training(epochs=1, batch_size=21, weight_decay=1.0, learning_rate=1e-12)
    fit(model, labels_only, DATA, training, tmp_path / "backup", Progress(), dict)
    assert float(rows(tmp_path)[0]["loss"]) == pytest.approx(np.log(3), abs=1e-5)  # gamma's squares are 3


def test_regularizers_of_the_network_count(tmp_path):
    image = keras.Input((8, 8, 3))
    dense = layers.Dense(3, kernel_initializer="ones", kernel_regularizer=keras.regularizers.L2(0.01))
    model = keras.Model(image, dense(layers.GlobalAveragePooling2D()(image)))
    training = Training(epochs=1, batch_size=21, learning_rate=1e-12)
    fit(model, labels_only, DATA, training, tmp_path / "backup", Progress(), dict)
    assert float(rows(tmp_path)[0]["loss"]) == pytest.approx(np.log(3) + 0.01 * 9, abs=1e-5)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_divergence_says_the_step_and_what_to_do(optimizer, tmp_path):
    progress = Progress()
    progress.stage = "teacher"
    training = Training(epochs=2, batch_size=4, learning_rate=1e30, optimizer=optimizer)
    advice = r"stage 'teacher': the loss is (nan|inf) at step \d of epoch 1; lower learning_rate \(it is 1e\+30\)"
    with pytest.raises(Diverged, match=advice):
        fit(network(), labels_only, DATA, training, tmp_path / "backup", progress, dict)
    assert not (tmp_path / "history.csv").exists()


def test_the_step_of_a_divergence_counts_from_one(tmp_path):
    steps = tf.Variable(0)

    def objective(network, images, labels):
        loss, logs = labels_only(network, images, labels)
        steps.assign_add(1)
        return tf.where(steps < 9, loss, np.nan), logs

    with pytest.raises(Diverged, match="nan at step 3 of epoch 2"):
        fit(network(), objective, DATA, Training(epochs=2, batch_size=4), tmp_path / "backup", Progress(), dict)
