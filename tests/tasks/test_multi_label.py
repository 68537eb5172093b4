"""Several classes an image: the loss by hand, and networks that end in sigmoids."""

import numpy as np
import pytest

from compress import keras
from compress.errors import UserError
from compress.models import ends
from compress.tasks import MultiLabel
from compress.tasks.multi_label import sigmoid_cross_entropy

layers = keras.layers


def test_the_loss_by_hand():
    # -log sigmoid(0), and -log(1 - sigmoid(log 3)) = log 4
    logits, present = np.float32([[0, np.log(3)]]), np.float32([[1, 0]])
    assert float(sigmoid_cross_entropy(logits, present)) == pytest.approx((np.log(2) + np.log(4)) / 2)


def network(end):
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    return keras.Model(image, end(layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(image))), name="theirs")


IMAGES = np.random.default_rng(0).random((5, 8, 8, 3), dtype="float32")


@pytest.mark.parametrize("end", [
    lambda x: layers.Dense(3, activation="sigmoid")(x),
    lambda x: layers.Activation("sigmoid")(layers.Dense(3)(x)),
    lambda x: keras.tf.sigmoid(layers.Dense(3)(x)),
    lambda x: layers.Reshape((3,))(layers.Dense(3, activation="sigmoid")(x)),
])  # fmt: skip
def test_sigmoids_at_the_end_are_cut(end):
    model = network(end)
    wanted = model(IMAGES).numpy()
    cut = ends.sigmoid_logits(model, "theirs")
    np.testing.assert_allclose(1 / (1 + np.exp(-cut(IMAGES).numpy())), wanted, atol=1e-6)


def test_bare_logits_stay_and_a_softmax_is_refused():
    plain = network(layers.Dense(3))
    assert MultiLabel().own_end(plain, "theirs") is plain
    with pytest.raises(UserError, match="ends in a softmax .*one class among several"):
        MultiLabel().own_end(network(layers.Dense(3, activation="softmax")), "theirs")


def test_a_description_names_all_that_is_there():
    logits = {"logits": np.log(np.array([[9.0, 1 / 9, 4.0], [1 / 9, 1 / 4, 1 / 99]]))}
    first, second = MultiLabel().describe(logits, ("a", "b", "c"), 1)
    assert first == "a (90.0%), c (80.0%)"
    assert second == "none of the classes; likeliest: b (20.0%)"


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "linear", "tanh"])
def test_a_network_of_any_task_can_be_looked_at(activation):
    model = network(layers.Dense(3, activation=activation))
    functions = {"softmax": keras.tf.nn.softmax, "sigmoid": keras.tf.sigmoid}
    wanted = model(IMAGES).numpy()
    got = functions.get(activation, lambda values: values)(ends.without_activation(model, "theirs")(IMAGES))
    np.testing.assert_allclose(got, wanted, atol=1e-6)
