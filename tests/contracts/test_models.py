"""Every registered network: [0, 1] images in, logits out, the same from the same seed, and it learns.

Networks that are the same code at another depth are built once a family; of all of keras.applications, some of which
take gigabytes, what their builder asks of Keras is checked, and ``make test-every-network`` builds them.
"""

import inspect

import numpy as np
import pytest

from benchmarks.networks import FAMILIES
from compress import keras, models
from compress.errors import UserError
from compress.models import applications
from compress.models.builder import Builder

FAST = ["resnet8", "resnet20", "densenet_tiny", "mobilenet", "plain4", "plain8", "wrn_16_1", "shufflenet_v1"]
OURS = sorted(set(models.MODELS) - set(applications.FUNCTIONS) - models.MAP_MODELS.keys())
LARGE = sorted(set(applications.FUNCTIONS) - set(FAMILIES))
fast = pytest.mark.parametrize("name", FAST)


def images(size):
    return np.random.default_rng(0).random((2, size, size, 3), dtype="float32")


@pytest.mark.parametrize("name", models.MODELS)
def test_a_builder_takes_a_shape_classes_and_weights(name):
    signature = inspect.signature(models.MODELS[name])
    signature.bind((32, 32, 3), 5)
    bound = signature.bind((32, 32, 3), 5, None).arguments
    assert list(bound)[-3:] == list(inspect.signature(Builder.__call__).parameters)[1:]


@pytest.mark.parametrize("name", applications.FUNCTIONS)
def test_keras_has_what_its_builder_asks_for(name):
    function = getattr(keras.applications, applications.FUNCTIONS[name])
    inspect.signature(function).bind(include_top=False, pooling="avg", input_shape=(96, 96, 3), weights=None)


SIZES = {"inceptionv3": 75, "inceptionresnetv2": 75, "xception": 71}  # the smallest that Keras builds; 32 for others


@pytest.mark.parametrize(
    "name", [*OURS, *FAMILIES, *(pytest.param(name, marks=pytest.mark.every_network) for name in LARGE)]
)
def test_a_network_reads_images_and_ends_in_logits(name):
    size = SIZES.get(name, 32)
    model = models.build(name, size, 5)
    (image,), (logits,) = model.inputs, model.outputs
    assert (tuple(image.shape), image.dtype) == ((None, size, size, 3), "float32")
    assert (tuple(logits.shape), logits.dtype) == ((None, 5), "float32")
    head = model.layers[-1]
    assert (head.name, type(head).__name__, head.activation) == ("predictions", "Dense", keras.activations.linear)
    assert all(len(layer.inbound_nodes) == 1 for layer in model.layers)
    keras.backend.clear_session()


@fast
def test_logits_are_numbers_and_no_probabilities(name):
    logits = models.build(name, 32, 5, seed=0)(images(32), training=False).numpy()
    assert np.isfinite(logits).all()
    assert (abs(logits.sum(-1) - 1) > 1e-3).all()


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
    with pytest.raises(
        UserError, match='weights = "imagenet" needs RGB images .channels = 3., but the data have channels = 1'
    ):
        models.build("mobilenetv2", (96, 96, 1), 5, "imagenet")


@pytest.mark.parametrize("shape", [(64,), (8, 8, 8, 1)])
def test_no_network_by_name_reads_other_arrays(shape):
    with pytest.raises(UserError, match="resnet8 reads images, but the data are arrays of .*: use your own network"):
        models.build("resnet8", shape, 5)
