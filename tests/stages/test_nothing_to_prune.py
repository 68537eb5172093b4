"""A network without anything to prune is passed on, with a line that says why."""

import numpy as np
import pytest

from compress import keras
from compress.clock import Clock
from compress.datasets import Augmentation
from compress.datasets.splits import ArraySplit, Dataset
from compress.stages import Context
from compress.stages.prune import Prune
from compress.tasks import Classification
from compress.training import Progress

layers = keras.layers
EXAMPLES = np.random.default_rng(0).normal(size=(24, 6)).astype("float32")


def perceptron(x):
    return layers.Dense(8, activation="relu")(x)


def frozen(x):
    x = layers.Reshape((2, 3, 1))(x)
    return layers.Flatten()(layers.Conv2D(4, 2, trainable=False, name="conv")(x))


@pytest.mark.parametrize(
    ("body", "words"),
    [(perceptron, "2 left dense: LiteRT refuses a sparse dense layer"), (frozen, "it is frozen (trainable = False)")],
)
def test_a_network_without_anything_to_prune_is_passed_on(body, words, tmp_path):
    keras.utils.set_random_seed(0)
    x = keras.Input((6,))
    model = keras.Model(x, layers.Dense(3, name="head")(body(x)), name="theirs")
    wanted = model(EXAMPLES).numpy()
    split = ArraySplit(EXAMPLES, wanted.argmax(-1))
    said, passed = [], []
    progress = Progress()
    object.__setattr__(progress, "say", said.append)
    context = Context(
        dataset=Dataset.of("noise", "abc", split, split, split), augmentation=Augmentation(), seed=0,
        fit="stretch", clock=Clock(), progress=progress, load=lambda name: model, task=Classification(), outputs=None, training_outputs=None, validation_outputs=None,
        facts=None, timings=None, finished=passed.append,
    )  # fmt: skip
    stage = Prune(name="pruned", final_sparsity=0.8, epochs=5)
    facts = stage.make(context, tmp_path, tmp_path)
    assert any("nothing to prune, so that the network is passed on as it is" in line and words in line for line in said)
    assert facts.score == 1.0 and facts.precision == "float32" and facts.kernel_sparsity == 0
    assert facts.sparsity_schedule is None
    np.testing.assert_array_equal(passed[0](EXAMPLES), wanted)
