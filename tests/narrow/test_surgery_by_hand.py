"""Small networks whose channels are removed by hand: which slices of which weights are left."""

import numpy as np
import pytest

from compress import keras
from compress.narrow.surgery import narrowed
from compress.narrow.trace import trace
from tests.narrow.masked import masked

layers = keras.layers


def network(build, shape=(2, 2, 3)):
    image = keras.Input(shape)
    model = keras.Model(image, build(image))
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in model.get_weights()])
    return model


def without(model, layer, channels):
    """(the network without these channels of what a layer makes, its trace, their numbers)."""
    traced = trace(model)
    numbers = traced.made[layer][list(channels)]
    narrow = narrowed(model, traced, numbers)
    x = np.random.default_rng(1).random((2, *model.input_shape[1:]), dtype="float32")
    wanted = masked(model, traced, numbers)(x, training=False).numpy()
    np.testing.assert_allclose(narrow(x, training=False).numpy(), wanted, rtol=1e-5)
    return narrow, traced, numbers


def weights(model, layer):
    return model.get_layer(layer).get_weights()


def test_two_convolutions_in_a_row():
    def build(x):
        return layers.Conv2D(5, 3, padding="same", name="b")(layers.Conv2D(4, 1, name="a")(x))

    model = network(build)
    narrow, *_ = without(model, "a", [1, 3])
    np.testing.assert_array_equal(weights(narrow, "a")[0], weights(model, "a")[0][..., [0, 2]])
    np.testing.assert_array_equal(weights(narrow, "a")[1], weights(model, "a")[1][[0, 2]])
    np.testing.assert_array_equal(weights(narrow, "b")[0], weights(model, "b")[0][:, :, [0, 2]])
    np.testing.assert_array_equal(weights(narrow, "b")[1], weights(model, "b")[1])


def test_a_residual_loses_the_same_channels_in_both_branches():
    def build(x):
        x = layers.Conv2D(4, 1, name="stem")(x)
        y = layers.BatchNormalization(name="norm")(layers.Conv2D(4, 1, name="branch")(x))
        return layers.Conv2D(2, 1, name="head")(layers.Add()([x, y]))

    model = network(build)
    narrow, traced, _ = without(model, "branch", [0])
    np.testing.assert_array_equal(traced.made["stem"], traced.made["branch"])
    np.testing.assert_array_equal(weights(narrow, "stem")[0], weights(model, "stem")[0][..., 1:])
    np.testing.assert_array_equal(weights(narrow, "branch")[0], weights(model, "branch")[0][:, :, 1:, 1:])
    for now, before in zip(weights(narrow, "norm"), weights(model, "norm"), strict=True):
        np.testing.assert_array_equal(now, before[1:])


def test_channel_4_of_a_concatenation_of_3_and_5_is_channel_1_of_the_second():
    def build(x):
        parts = [layers.Conv2D(3, 1, name="first")(x), layers.Conv2D(5, 1, name="second")(x)]
        return layers.Conv2D(2, 1, name="head")(layers.Concatenate(name="both")(parts))

    model = network(build)
    traced = trace(model)
    assert traced.given["head"][4] == traced.made["second"][1]
    narrow, *_ = without(model, "second", [1])
    assert weights(narrow, "first")[0].shape[-1] == 3
    np.testing.assert_array_equal(weights(narrow, "second")[0], weights(model, "second")[0][..., [0, 2, 3, 4]])
    np.testing.assert_array_equal(weights(narrow, "head")[0], weights(model, "head")[0][:, :, [0, 1, 2, 3, 5, 6, 7]])


def test_a_flattened_map_of_2x2_loses_rows_1_4_7_10_with_channel_1():
    def build(x):
        return layers.Dense(2, name="head")(layers.Flatten()(layers.Conv2D(3, 1, name="a")(x)))

    model = network(build)
    narrow, *_ = without(model, "a", [1])
    np.testing.assert_array_equal(weights(narrow, "head")[0], weights(model, "head")[0][[0, 2, 3, 5, 6, 8, 9, 11]])


def test_a_gate_has_the_channels_that_it_gates():
    def build(x):
        x = layers.Conv2D(4, 1, name="a")(x)
        gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
        gate = layers.Conv2D(2, 1, activation="relu", name="squeeze")(gate)
        gate = layers.Activation("sigmoid")(layers.Conv2D(4, 1, name="excite")(gate))
        return layers.Conv2D(2, 1, name="head")(layers.Multiply()([x, gate]))

    model = network(build)
    narrow, *_ = without(model, "a", [2])
    left = [0, 1, 3]
    np.testing.assert_array_equal(weights(narrow, "squeeze")[0], weights(model, "squeeze")[0][:, :, left])
    np.testing.assert_array_equal(weights(narrow, "excite")[0], weights(model, "excite")[0][..., left])
    without(model, "squeeze", [0])


def test_a_depthwise_convolution_of_two_outputs_a_channel():
    def build(x):
        x = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, name="depthwise")(
            layers.Conv2D(3, 1, name="a")(x)
        )
        return layers.Conv2D(2, 1, name="head")(x)

    model = network(build)
    narrow, *_ = without(model, "a", [1])
    np.testing.assert_array_equal(weights(narrow, "depthwise")[0], weights(model, "depthwise")[0][:, :, [0, 2]])
    np.testing.assert_array_equal(weights(narrow, "depthwise")[1], weights(model, "depthwise")[1][[0, 1, 4, 5]])
    np.testing.assert_array_equal(weights(narrow, "head")[0], weights(model, "head")[0][:, :, [0, 1, 4, 5]])


def test_small_groups_go_as_a_whole():
    def build(x):
        x = layers.Conv2D(6, 1, name="a")(x)
        return layers.Conv2D(2, 1, name="head")(layers.Conv2D(9, 3, padding="same", groups=3, name="grouped")(x))

    model = network(build)
    narrow, traced, _ = without(model, "a", [2])
    assert len(set(traced.made["a"].tolist())) == 3
    assert narrow.get_layer("grouped").groups == 2
    left = [0, 1, 2, 6, 7, 8]
    np.testing.assert_array_equal(weights(narrow, "grouped")[0], weights(model, "grouped")[0][..., left])
    np.testing.assert_array_equal(weights(narrow, "head")[0], weights(model, "head")[0][:, :, left])


def test_large_groups_stay_equally_wide():
    def build(x):
        x = layers.Conv2D(40, 1, name="a")(x)
        return layers.Conv2D(2, 1, name="head")(layers.Conv2D(40, 1, groups=2, name="grouped")(x))

    model = network(build)
    narrow, traced, _ = without(model, "a", [3])
    assert traced.made["a"][3] == traced.made["a"][23]
    kernel, before = weights(narrow, "grouped")[0], weights(model, "grouped")[0]
    assert kernel.shape == (1, 1, 19, 40)
    np.testing.assert_array_equal(kernel[..., :20], np.delete(before[..., :20], 3, 2))


def test_groups_behind_a_shuffle_stay_equally_wide():
    def build(x):
        x = layers.Conv2D(60, 1, name="a")(x)
        x = layers.Conv2D(60, 1, groups=3, name="first")(x)
        x = layers.Permute((1, 2, 4, 3))(layers.Reshape((2, 2, 3, 20))(x))
        x = layers.Conv2D(60, 1, groups=3, name="second")(layers.Reshape((2, 2, 60))(x))
        return layers.Conv2D(2, 1, name="head")(x)

    model = network(build)
    traced = trace(model)
    free = [number for number in np.unique(traced.made["first"]) if not traced.is_pinned[number]]
    assert free
    for number in free:
        reads = traced.given["second"].reshape(3, 20) == number
        assert len(set(np.count_nonzero(reads, axis=1).tolist())) == 1, "each group reads as many"
        without(model, "first", np.flatnonzero(traced.made["first"] == number))


def test_a_shared_convolution_reads_the_same_of_both():
    def build(x):
        shared = layers.Conv2D(4, 1, name="shared")
        first, second = layers.Conv2D(3, 1, name="first")(x), layers.Conv2D(3, 1, name="second")(x)
        return layers.Conv2D(2, 1, name="head")(layers.Concatenate()([shared(first), shared(second)]))

    model = network(build)
    narrow, traced, _ = without(model, "first", [0])
    np.testing.assert_array_equal(traced.made["first"], traced.made["second"])
    np.testing.assert_array_equal(weights(narrow, "second")[0], weights(model, "second")[0][..., 1:])
    narrow, *_ = without(model, "shared", [1])
    np.testing.assert_array_equal(weights(narrow, "head")[0], weights(model, "head")[0][:, :, [0, 2, 3, 4, 6, 7]])


def test_slices_and_splits_map_channels():
    def build(x):
        x = layers.Conv2D(6, 1, name="a")(x)
        one, other = keras.tf.split(x, 2, axis=-1)
        parts = [layers.Conv2D(2, 1, name="of_split")(other), layers.Conv2D(2, 1, name="of_slice")(x[..., 1:3]), one]
        return layers.Conv2D(2, 1, name="head")(layers.Concatenate()(parts))

    model = network(build)
    narrow, *_ = without(model, "a", [2, 4])
    np.testing.assert_array_equal(weights(narrow, "of_split")[0], weights(model, "of_split")[0][:, :, [0, 2]])
    np.testing.assert_array_equal(weights(narrow, "of_slice")[0], weights(model, "of_slice")[0][:, :, [0]])
    np.testing.assert_array_equal(weights(narrow, "head")[0], weights(model, "head")[0][:, :, [0, 1, 2, 3, 4, 5]])


def test_a_transposed_convolution():
    def build(x):
        x = layers.Conv2DTranspose(4, 2, 2, name="up")(layers.Conv2D(3, 1, name="a")(x))
        return layers.Conv2D(2, 1, name="head")(x)

    model = network(build)
    narrow, *_ = without(model, "a", [1])
    np.testing.assert_array_equal(weights(narrow, "up")[0], weights(model, "up")[0][..., [0, 2]])
    narrow, *_ = without(model, "up", [0])
    np.testing.assert_array_equal(weights(narrow, "up")[0], weights(model, "up")[0][:, :, 1:])


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (lambda x: layers.Softmax()(layers.Conv2D(4, 1, name="a")(x)), "read by"),
        (lambda x: keras.tf.reduce_mean(layers.Conv2D(4, 1, name="a")(x), axis=-1), "read by"),
        (lambda x: keras.tf.nn.depth_to_space(layers.Conv2D(4, 1, name="a")(x), 2), "read by"),
        (lambda x: layers.Add()([layers.Conv2D(3, 1, name="a")(x), x]), "the network's input"),
        (lambda x: layers.Conv2D(4, 1, name="a")(x), "the network's output"),
    ],
)
def test_what_cannot_be_followed_stays(build, reason):
    traced = trace(network(build))
    assert {traced.pinned[number].startswith(reason) for number in traced.made["a"].tolist()} == {True}


def test_one_channel_that_goes_with_several_stays():
    def build(x):
        x = layers.Conv2D(4, 1, name="a")(x)
        attention = layers.Conv2D(1, 1, name="attention")(x)
        return layers.Conv2D(2, 1, name="head")(layers.Multiply()([x, attention]))

    model = network(build)
    traced = trace(model)
    assert traced.pinned[int(traced.made["attention"][0])] == "goes with several channels"
    without(model, "a", [0, 2])


def test_keep_names_layers_that_keep_their_channels():
    def build(x):
        return layers.Conv2D(2, 1, name="head")(layers.Conv2D(4, 1, name="stem_1")(x))

    traced = trace(network(build), ["stem*"])
    assert {traced.pinned[number] for number in traced.made["stem_1"].tolist()} == {"keep names it"}
    with pytest.raises(Exception, match="keep: unknown layer 'steam'"):
        trace(network(build), ["steam"])


def test_a_pinned_channel_cannot_be_removed():
    model = network(lambda x: layers.Conv2D(4, 1, name="a")(x))
    with pytest.raises(ValueError, match="pinned"):
        narrowed(model, trace(model), [int(trace(model).made["a"][0])])


def test_frozen_layers_keep_their_channels():
    def build(x):
        x = layers.Conv2D(4, 1, name="a")(x)
        x = layers.Conv2D(5, 1, name="frozen", trainable=False)(x)
        return layers.Conv2D(2, 1, name="head")(layers.Conv2D(6, 1, name="b")(x))

    traced = trace(network(build))
    for name in ("a", "frozen"):
        assert {traced.pinned[number] for number in traced.made[name].tolist()} == {
            "frozen is frozen (trainable = False)"
        }
    assert not traced.is_pinned[traced.made["b"]].any()


def shared_shape(x):
    """A map cut to the size of another, as a U-Net does."""
    y = layers.Conv2D(4, 1, name="a")(x)
    size = keras.tf.shape(layers.Conv2D(4, 1, name="b")(x))
    return layers.Conv2D(2, 1, name="head")(y[:, : size[1], : size[2], :])


def windows(x):
    """Values that move from example to example."""
    y = layers.Conv2D(4, 1, name="a")(x)
    y = keras.tf.reshape(y, (-1, 1, 4))
    return layers.Dense(2, name="head")(keras.tf.reshape(y, (-1, 16)))


@pytest.mark.parametrize("build", [shared_shape, windows])
def test_what_hangs_on_other_values_or_examples_stays(build):
    model = network(build)
    traced = trace(model)
    assert traced.is_pinned[traced.made["a"]].all()
    narrowed(model, traced, [])


def test_a_gate_that_is_spread_by_new_axes():
    def build(x):
        x = layers.Conv2D(4, 1, name="a")(x)
        gate = layers.Dense(4, activation="sigmoid", name="gate")(layers.GlobalAveragePooling2D()(x))
        return layers.Conv2D(2, 1, name="head")(layers.Multiply()([x, gate[:, None, None, :]]))

    model = network(build)
    _, traced, _ = without(model, "a", [1, 2])
    np.testing.assert_array_equal(traced.made["a"], traced.made["gate"])


def test_keep_names_layers_without_weights():
    def build(x):
        return layers.Conv2D(2, 1, name="head")(layers.ReLU(name="relu")(layers.Conv2D(4, 1, name="a")(x)))

    traced = trace(network(build), ["relu"])
    assert {traced.pinned[number] for number in traced.made["a"].tolist()} == {"keep names it"}
