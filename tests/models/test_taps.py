"""Outputs of named layers, and the momentum of batch norms."""

import numpy as np
import pytest

from compress import keras, models
from compress.errors import UserError
from compress.models.taps import set_batch_norm_momentum, taps

IMAGES = np.random.default_rng(0).random((2, 32, 32, 3), dtype="float32")


def test_taps_give_the_layers_outputs_in_the_order_of_the_names():
    model = models.build("resnet8", 32, 10)
    logits, middle = taps(model, ["predictions", "stage2_block1_out"])(IMAGES)
    np.testing.assert_allclose(logits, model(IMAGES), rtol=1e-6)
    assert middle.shape == (2, 16, 16, 32)


def test_one_tap_is_a_tuple_too_and_shares_the_weights():
    model = models.build("resnet8", 32, 10)
    tapped = taps(model, ["stage1_block1_out"])
    (before,) = tapped(IMAGES)
    model.get_layer("conv1_conv").kernel.assign_add(np.ones((3, 3, 3, 16), "float32"))
    (after,) = tapped(IMAGES)
    assert abs(after - before).numpy().max() > 0


def test_an_unknown_layer():
    model = models.build("resnet8", 32, 10)
    with pytest.raises(UserError, match="unknown layer of resnet8 'stage2_block1_ou'; did you mean stage2_block1_out"):
        taps(model, ["stage2_block1_ou"])


def test_a_layer_used_twice():
    image, shared = keras.Input((4,)), keras.layers.Dense(4, name="shared")
    model = keras.Model(image, shared(shared(image)))
    with pytest.raises(UserError, match="shared of .* used more than once"):
        taps(model, ["shared"])


def test_momentum_is_set_everywhere_and_used():
    inner = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization(name="inner")])
    image = keras.Input((4,))
    model = keras.Model(image, keras.layers.BatchNormalization(name="outer")(inner(image)))
    set_batch_norm_momentum(model, 0.25)
    assert inner.get_layer("inner").momentum == model.get_layer("outer").momentum == 0.25
    batch = np.array([[1.0, 1, 1, 1], [3, 3, 3, 3]], "float32")
    model(batch, training=True)
    # 0.25 of the old moving mean, 0, and 0.75 of the batch's, 2
    np.testing.assert_allclose(inner.get_layer("inner").moving_mean, 1.5)


@pytest.mark.parametrize("momentum", [-0.1, 1.0, 1.5])
def test_momentum_outside_is_refused(momentum):
    with pytest.raises(UserError, match="must be at least 0"):
        set_batch_norm_momentum(models.build("resnet8", 32, 10), momentum)
