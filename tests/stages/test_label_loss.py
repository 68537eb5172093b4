"""A stage trains with the loss on labels that it names, and without one with cross-entropy, to the bit."""

from types import SimpleNamespace

import numpy as np
import pytest

from compress import keras
from compress.clock import Clock
from compress.datasets import Augmentation
from compress.datasets.splits import ArraySplit
from compress.stages.train_on_targets import train_on_targets
from compress.tasks import Classification
from compress.tasks.losses import FocalCalibration
from compress.training import ONE_DEVICE, Data, Progress, Training, fit
from tests.said import labels_only

layers = keras.layers
RNG = np.random.default_rng(0)
DATA = Data(ArraySplit(RNG.integers(0, 256, (48, 8, 8, 3), dtype="uint8"), np.arange(48) % 3, 8), Augmentation(), 0)


def network():
    keras.utils.set_random_seed(1)
    image = keras.Input((8, 8, 3))
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(layers.Conv2D(8, 3, 2)(image)))
    return keras.Model(image, layers.Dense(3)(layers.Flatten()(x)))


def weights(model):
    return np.concatenate([weight.numpy().ravel() for weight in model.weights])


@pytest.fixture
def trained(tmp_path):
    """The weights after three epochs of a stage that trains on labels."""

    def train(**settings):
        given = {"data": DATA, "dataset": SimpleNamespace(crops=None), "task": Classification(), "callbacks": (),
                 "strategy": ONE_DEVICE}  # fmt: skip
        context = SimpleNamespace(**given, clock=Clock(), progress=Progress())
        model, scratch = network(), tmp_path / str(len(list(tmp_path.iterdir())))
        scratch.mkdir()
        train_on_targets(model, Training(epochs=3, batch_size=16, **settings), None, context, scratch, dict)
        return weights(model)

    return train


@pytest.fixture
def plain(tmp_path):
    """The same, by the loop alone, with nothing but cross-entropy."""
    model = network()
    (tmp_path / "plain").mkdir()
    training = Training(epochs=3, batch_size=16)
    fit(model, labels_only, DATA, training, tmp_path / "plain/backup", Progress(), dict)
    return weights(model)


def test_no_label_loss_and_no_focal_weight_are_cross_entropy_to_the_bit(trained, plain):
    assert np.isfinite(plain).all()
    assert not np.array_equal(plain, weights(network()))
    np.testing.assert_array_equal(trained(), plain)
    np.testing.assert_array_equal(trained(label_loss=FocalCalibration(focal_weight=0.0)), plain)


def test_the_named_loss_trains(trained, plain):
    assert np.abs(trained(label_loss=FocalCalibration(focal_weight=1.0)) - plain).max() > 1e-4
