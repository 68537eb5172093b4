"""The last bias is set so that sums are right on average, whatever is behind it; what gets worse is taken back."""

from types import SimpleNamespace

import numpy as np
import pytest

from compress import keras
from compress.artifacts.saved_model import serving_function
from compress.datasets.splits import ArraySplit
from compress.stages.unbiased import as_before, as_targets_say
from compress.targets import Points
from compress.tasks import Classification, Counting

SIDE, COUNT = 8, 30
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (COUNT, SIDE, SIDE, 1), np.uint8)
TARGETS = Points.of([RNG.uniform(1, 7, (count, 3)) for count in RNG.integers(1, 20, COUNT)], (SIDE, SIDE))


def network(end):
    """A map whose sum is 10 too high, more or less, through ``end``."""
    keras.utils.set_random_seed(0)
    image = keras.Input((SIDE, SIDE, 1))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    return keras.Model(image, end(x))


def context():
    said = []
    split = ArraySplit(IMAGES, TARGETS)
    data = SimpleNamespace(train=split, validation=split)
    given = SimpleNamespace(dataset=data, task=Counting(), seed=0, progress=SimpleNamespace(say=said.append))
    return given, said


def serving(model):
    return SimpleNamespace(model=model, function=serving_function(model, ["density"]))


def mean_error(model):
    sums = model(IMAGES / np.float32(255)).numpy().sum(axis=(1, 2, 3))
    return float((sums - TARGETS.counts).mean())


def conv(**settings):
    return keras.layers.Conv2D(1, 1, **settings)


ENDS = {
    "linear": lambda x: conv(bias_initializer="ones")(x),
    "multiplied": lambda x: keras.layers.Rescaling(0.03)(conv()(x)),
    "divided": lambda x: keras.layers.Rescaling(50.0)(conv()(x)),
    "a ReLU": lambda x: conv(activation="relu", bias_initializer="ones")(x),
    "a softplus": lambda x: conv(activation="softplus")(x),
    "enlarged": lambda x: keras.layers.UpSampling2D(2)(conv()(x)),
    "a batch norm": lambda x: keras.layers.BatchNormalization()(conv(use_bias=False)(x)),
}


@pytest.mark.parametrize("name", ENDS)
def test_the_mean_count_is_that_of_the_targets(name):
    model, (given, said) = network(ENDS[name]), context()
    before = mean_error(model)
    facts = as_targets_say(serving(model), given)
    assert facts["bias_before"] == pytest.approx(before, rel=1e-3)
    assert facts["bias_after"] == pytest.approx(mean_error(model), abs=1e-3)
    assert abs(mean_error(model)) < 0.02 * abs(before)
    (line,) = said
    assert f"{abs(before):.3g} too {'many' if before > 0 else 'few'}" in line and "the last bias was set" in line


def test_what_cannot_be_mended_is_left_as_it_was_and_said():
    """All values are cut off at 0: no small step changes anything."""
    model = network(
        lambda x: keras.layers.ReLU()(conv(use_bias=False, kernel_initializer=keras.initializers.Constant(-1))(x))
    )
    weights, (given, said) = model.get_weights(), context()
    facts = as_targets_say(serving(model), given)
    assert facts["bias_after"] == facts["bias_before"] < 0
    assert all(np.array_equal(one, other) for one, other in zip(weights, model.get_weights(), strict=True))
    assert "no bias at the end can correct it" in said[0]


def test_it_never_gets_worse():
    """A ReLU that is dead nearly everywhere: the first step overshoots, or does nothing."""
    model = network(lambda x: conv(activation="relu", bias_initializer=keras.initializers.Constant(-3))(x))
    given, _ = context()
    before = abs(mean_error(model))
    as_targets_say(serving(model), given)
    assert abs(mean_error(model)) <= before


def test_a_quantized_network_is_compared_with_the_one_before():
    model, (given, _) = network(ENDS["linear"]), context()
    before = {"density": np.full((COUNT, SIDE, SIDE, 1), 0.25, np.float32)}
    given.validation_outputs = lambda stage: before
    facts = as_before(serving(model), given, "pruned")
    assert facts["bias_after"] == pytest.approx(0, abs=1e-3)
    assert model(IMAGES / np.float32(255)).numpy().sum(axis=(1, 2, 3)).mean() == pytest.approx(16, abs=1e-3)


def test_tasks_without_sums_are_left_alone():
    given, said = context()
    given.task = Classification()
    assert as_targets_say(serving(network(ENDS["linear"])), given) == {} and not said
