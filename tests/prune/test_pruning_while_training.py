"""Gradual pruning of a small network: masks by the hand rule, frozen after the ramp, on shared weights."""

import numpy as np
import pytest

from compress import keras
from compress.datasets import Augmentation
from compress.datasets.splits import ArraySplit
from compress.errors import UserError
from compress.prune import gradual, kernel_sparsity, prunable_kernels
from compress.prune.masks import GradualPruning
from compress.stages.prune import counted
from compress.training import Data, Progress, Training, fit
from tests.said import labels_only

layers = keras.layers
tfmot = keras.tfmot.sparsity.keras
SCHEDULE = tfmot.PolynomialDecay(0.0, 0.8, 0, 20, frequency=4)


def network():
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(5, 3, name="conv1/conv")(image)
    x = layers.BatchNormalization(name="conv1/bn")(x)
    x = layers.DepthwiseConv2D(3, name="depthwise")(x)
    x = layers.SeparableConv2D(4, 1, name="separable")(x)
    x = layers.Conv2D(7, 1, name="conv2/conv")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(3, name="predictions")(x), name="small")


def names(found):
    return [layer.name for layer in found]


def test_what_is_prunable():
    assert names(gradual.prunable_layers(network())) == ["conv1/conv", "conv2/conv"]
    assert names(gradual.prunable_layers(network(), ("conv1/*",))) == ["conv2/conv"]
    assert names(gradual.prunable_layers(network(), ("conv2/conv",))) == ["conv1/conv"]
    with pytest.raises(UserError, match="skip: unknown layer 'conv2'; did you mean conv2/conv"):  # no part of a name
        gradual.prunable_layers(network(), ("conv2",))
    frozen = network()
    frozen.get_layer("conv1/conv").trainable = False
    assert names(gradual.prunable_layers(frozen)) == ["conv2/conv"]


def test_where_nothing_is_prunable_the_reasons_say_why():
    assert gradual.prunable_layers(network(), ("*",)) == []
    frozen = network()
    frozen.trainable = False
    assert gradual.prunable_layers(frozen) == []
    assert counted(gradual.unpruned(frozen)).startswith(
        "nothing to prune, so that the network is passed on as it is: 2 left dense: it is frozen (trainable = False)"
    )
    dense = keras.Sequential([keras.Input((4,)), layers.Flatten()], name="dense")
    assert counted(gradual.unpruned(dense)).endswith("is passed on as it is: it has no convolution")


def by_tfmot(weights, sparsity):
    """The mask that tfmot's own rule gives at the end of a ramp."""
    weights = keras.tf.Variable(weights)
    mask, threshold = keras.tf.Variable(keras.tf.ones_like(weights)), keras.tf.Variable(0.0)
    schedule = tfmot.PolynomialDecay(0.0, sparsity, 0, 10, frequency=10)
    from tensorflow_model_optimization.python.core.sparsity.keras import pruning_impl

    step = keras.tf.constant(10)
    pruning = pruning_impl.Pruning(lambda: step, [(weights, mask, threshold)], schedule, (1, 1), "AVG")
    pruning.conditional_mask_update()
    return mask.numpy().astype(bool)


def test_the_hand_rule_is_tfmots_on_20_random_tensors():
    rng = np.random.default_rng(0)
    for _ in range(20):
        weights = rng.normal(size=rng.integers(1, 8, 4)).astype("float32")
        sparsity = float(rng.uniform(0, 0.99))
        np.testing.assert_array_equal(gradual.magnitude_mask(weights, sparsity), by_tfmot(weights, sparsity))


@pytest.mark.parametrize("size", [5, 25, 45, 125])
@pytest.mark.parametrize("sparsity", [0.5, 0.7, 0.8, 0.9, 0.95, 0.99])
def test_the_hand_rule_is_tfmots_on_round_numbers(size, sparsity):
    weights = np.random.default_rng(size).normal(size=size).astype("float32")
    np.testing.assert_array_equal(gradual.magnitude_mask(weights, sparsity), by_tfmot(weights, sparsity))


class Watch(keras.callbacks.Callback):
    """Copies of every mask after each step."""

    def __init__(self, masks):
        super().__init__()
        self.masks, self._vars = [], masks

    def on_train_batch_end(self, batch, logs=None):
        self.masks.append([mask.numpy() for mask in self._vars])


IMAGES = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype="uint8")
DATA = Data(ArraySplit(IMAGES, np.arange(40) % 3, 8), Augmentation(), 0)
TRAINING = Training(epochs=3, batch_size=4, learning_rate=0.01)


@pytest.fixture(scope="module")
def pruned(tmp_path_factory):
    """30 steps in 3 epochs; masks at 4, 8, ... 20 up to 0.8."""
    folder = tmp_path_factory.mktemp("prune")
    model = network()
    kernels = [layer.kernel for layer in gradual.prunable_layers(model)]
    pruning = GradualPruning(kernels, SCHEDULE, 10, folder / "sparsity.csv")
    watch = Watch(pruning.variables)
    fit(model, labels_only, DATA, TRAINING, folder / "backup", Progress(), dict, (pruning, watch))
    return model, watch.masks, pruning, folder


def test_it_prunes_as_tfmots_wrappers_do(pruned, tmp_path):
    model = network()
    chosen = gradual.prunable_layers(model)

    def wrap(layer):
        return tfmot.prune_low_magnitude(layer, pruning_schedule=SCHEDULE) if layer in chosen else layer

    wrapped = keras.models.clone_model(model, clone_function=wrap)  # on the same variables
    fit(wrapped, labels_only, DATA, TRAINING, tmp_path / "backup", Progress(), dict, (tfmot.UpdatePruningStep(),))
    for ours, theirs in zip(pruned[0].weights, model.weights, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-4, atol=1e-6, err_msg=ours.name)
    for ours, theirs in zip(prunable_kernels(pruned[0]).values(), prunable_kernels(model).values(), strict=True):
        np.testing.assert_array_equal(ours == 0, theirs == 0)


def test_masks_change_at_every_update_and_never_after_the_ramp(pruned):
    _, masks, _, _ = pruned
    assert len(masks) == 30
    changed = [
        step + 1
        for step in range(1, 30)
        if any((now != before).any() for now, before in zip(masks[step], masks[step - 1], strict=True))
    ]
    assert changed == [4, 8, 12, 16, 20]


def test_each_layer_is_within_one_weight_of_the_target(pruned):
    model, _, _, _ = pruned
    kernels = prunable_kernels(model)
    assert list(kernels) == ["conv1/conv", "conv2/conv"]
    for kernel in kernels.values():
        assert abs(np.mean(kernel == 0) - 0.8) <= 1 / kernel.size
    assert (model.get_layer("depthwise").depthwise_kernel.numpy() != 0).all()
    assert (model.get_layer("predictions").kernel.numpy() != 0).all()


def test_the_masks_of_the_ramps_end_hold_at_the_end_of_training(pruned):
    model, masks, _, _ = pruned
    for kernel, mask in zip(prunable_kernels(model).values(), masks[19], strict=True):
        np.testing.assert_array_equal(kernel != 0, mask == 1)


def test_the_trace_follows_the_schedule(pruned):
    model, _, trace, folder = pruned
    assert [row["step"] for row in trace.rows] == list(range(4, 31, 4))
    for row in trace.rows:
        # 135 + 28 weights in two kernels: each within half a weight
        wanted = gradual.scheduled_sparsity(row["step"], 0.0, 0.8, 0, 20)
        assert row["sparsity"] == pytest.approx(wanted, abs=1.01 / 163)
    assert trace.rows[-1]["sparsity"] == pytest.approx(kernel_sparsity(prunable_kernels(model)), abs=1e-6)
    again = GradualPruning([], SCHEDULE, 10, folder / "sparsity.csv")
    assert again.rows == trace.rows
    again.on_epoch_begin(2)  # resumed behind step 20: later rows are to come again
    assert [row["step"] for row in again.rows] == [4, 8, 12, 16, 20]
