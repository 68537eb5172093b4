"""Every registered network: [0, 1] images in, logits out, the same from the same seed, and it learns."""

import numpy as np
import pytest

from benchmarks.networks import FAMILIES
from compress import keras, models
from compress.errors import UserError

FAST = ["resnet8", "resnet20", "densenet_tiny", "mobilenet", "plain4", "plain8", "wrn_16_1", "shufflenet_v1"]
# one of each other family; the rest are the same code at other depths, and some take gigabytes
OURS = ("densenet_small", "resnet56", "resnet8x4", "wrn_40_2", "plain10_wide")
OTHERS = [name for name in (*FAMILIES, *OURS) if name not in FAST]
SLOW = sorted(set(models.MODELS) - set(FAST) - set(OTHERS))
fast = pytest.mark.parametrize("name", FAST)


def images(size):
    return np.random.default_rng(0).random((2, size, size, 3), dtype="float32")


def check_shapes_and_logits(name, size):
    model = models.build(name, size, 5, seed=0)
    (image,) = model.inputs
    assert (tuple(image.shape), image.dtype) == ((None, size, size, 3), "float32")
    logits = model(images(size), training=False)
    assert (tuple(logits.shape), logits.dtype) == ((2, 5), "float32")
    assert np.isfinite(logits).all()
    assert (abs(logits.numpy().sum(-1) - 1) > 1e-3).all()
    head = model.layers[-1]
    assert (head.name, type(head).__name__, head.activation) == ("predictions", "Dense", keras.activations.linear)
    assert all(len(layer.inbound_nodes) == 1 for layer in model.layers)


@fast
def test_emits_logits(name):
    check_shapes_and_logits(name, 32)


@pytest.mark.parametrize("name", [*OTHERS, *(pytest.param(name, marks=pytest.mark.every_network) for name in SLOW)])
def test_emits_logits_of_every_network(name):
    check_shapes_and_logits(name, 96)
    keras.backend.clear_session()


@fast
def test_same_seed_same_weights(name):
    first, again = (models.build(name, 32, 5, seed=3).get_weights() for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_another_seed_other_weights():
    first, other = (models.build("resnet8", 32, 5, seed=seed).get_weights() for seed in (3, 4))
    assert not np.array_equal(first[0], other[0])


@fast
def test_one_step_changes_the_loss(name):
    tf = keras.tf
    model = models.build(name, 32, 5, seed=0)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    labels = np.array([1, 4])
    with tf.GradientTape() as tape:
        before = loss(labels, model(images(32), training=True))
    gradients = tape.gradient(before, model.trainable_weights)
    assert not any(gradient is None for gradient in gradients)
    keras.optimizers.SGD(0.01).apply_gradients(zip(gradients, model.trainable_weights, strict=True))
    after = loss(labels, model(images(32), training=True))
    assert float(after) != float(before)
    assert np.isfinite(after)


@pytest.mark.parametrize("name", ["resnet8", "plain8", "wrn_16_1", "shufflenet_v1"])
@pytest.mark.parametrize("size", [40, (32, 48), (33, 50)])
def test_sizes_need_not_be_square(name, size):
    height, width = (size, size) if isinstance(size, int) else size
    assert models.build(name, size, 5).input_shape == (None, height, width, 3)


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize(
    "name", ["resnet8", "plain8", "wrn_16_1", "shufflenet_v1", "densenet_tiny", "mobilenetv3small"]
)
def test_channels_need_not_be_colours(name, channels):
    model = models.build(name, (33, 48, channels), 5)
    assert model.input_shape == (None, 33, 48, channels)
    logits = model(np.random.default_rng(0).random((2, 33, 48, channels), "float32"), training=False).numpy()
    assert logits.shape == (2, 5)
    assert np.ptp(logits) > 0


def test_imagenets_weights_are_for_colours():
    with pytest.raises(UserError, match='weights = "imagenet" are for RGB images, channels = 3, not 1'):
        models.build("mobilenetv2", (96, 96, 1), 5, "imagenet")


@pytest.mark.parametrize("shape", [(64,), (8, 8, 8, 1)])
def test_no_network_by_name_reads_other_arrays(shape):
    with pytest.raises(UserError, match="resnet8 reads images, the data are arrays of .*: bring a network of your own"):
        models.build("resnet8", shape, 5)
