"""Batch norms are rewritten away, exactly; ReLUs are fused where nobody sees the difference."""

import numpy as np
import pytest

from compress import keras, models
from compress.errors import UserError
from compress.quantize.fold import fold
from compress.rewrite.channel_lines import scale_and_shift

layers = keras.layers
IMAGES = np.random.default_rng(1).random((4, 12, 12, 3), dtype="float32")


def randomised(model, seed=0):
    """Weights and statistics as after a training: every batch norm scales and shifts, some channels negatively."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        name, shape = weight.name, weight.shape
        if "variance" in name:
            weight.assign(rng.uniform(0.2, 3, shape))
        elif "gamma" in name:
            weight.assign(rng.uniform(0.3, 1.5, shape) * rng.choice([-1, 1], shape))
        elif any(word in name for word in ("mean", "beta", "bias")):
            weight.assign(rng.normal(0, 0.5, shape))
    return model


def chain(*parts):
    """Layers one after the other on a 12x12 image, then a head of 4 classes."""
    keras.utils.set_random_seed(0)
    image = x = keras.Input((12, 12, 3))
    for part in parts:
        x = part(x)
    x = layers.GlobalAveragePooling2D()(x) if len(x.shape) == 4 else x
    return randomised(keras.Model(image, layers.Dense(4, name="head")(x), name="small"))


def kinds(model):
    return [type(layer).__name__ for layer in model.layers[1:]]


def names(model):
    return [layer.name for layer in model.layers[1:]]


def assert_same(model, images=IMAGES):
    """Folds, compares the outputs, and returns the folded network."""
    wanted = model(images, training=False).numpy()
    folded = fold(model)
    got = folded(images, training=False).numpy()
    assert np.ptp(wanted) > 0.01
    assert abs(got - wanted).max() / abs(wanted).max() <= 1e-5
    assert not [x for x in folded.layers if isinstance(x, layers.BatchNormalization) and len(x.input_shape) == 4]
    assert folded.name == model.name
    return folded


def test_scale_and_shift_by_hand():
    # gamma / sqrt(variance + epsilon) = 3 / sqrt(3.75 + 0.25); beta - mean * scale = 1 - 2 * 1.5
    np.testing.assert_allclose(scale_and_shift(*np.float32([[3], [1], [2], [3.75]]), 0.25), [[1.5], [-2]])
    np.testing.assert_allclose(scale_and_shift(None, None, *np.float32([[2], [3.75]]), 0.25), [[0.5], [-1]])


BIAS = {"bias_initializer": "random_normal"}
CHAINS = {
    "conv": lambda: [layers.Conv2D(6, 3, use_bias=False)],
    "conv with bias": lambda: [layers.Conv2D(6, 3, 2, padding="same", **BIAS)],
    "grouped conv": lambda: [layers.Conv2D(6, 3, groups=3)],
    "dilated conv": lambda: [layers.Conv2D(6, 3, dilation_rate=2)],
    "depthwise": lambda: [layers.DepthwiseConv2D(3, use_bias=False)],
    "depthwise with bias": lambda: [layers.DepthwiseConv2D(3, 2, padding="same", **BIAS)],
    "depthwise, 2 outputs a channel": lambda: [layers.DepthwiseConv2D(3, depth_multiplier=2, **BIAS)],
    "dense on a map": lambda: [layers.Dense(6)],
}


@pytest.mark.parametrize("relu", [layers.ReLU, lambda: layers.Activation("relu")], ids=["ReLU", "Activation"])
@pytest.mark.parametrize("parts", CHAINS.values(), ids=CHAINS)
def test_a_norm_goes_into_the_kernel_before_it_and_its_relu_too(parts, relu):
    (linear,) = parts()
    folded = assert_same(chain(linear, layers.BatchNormalization(), relu()))
    assert names(folded) == [linear.name, folded.layers[2].name, "head"]
    assert folded.layers[1].activation is keras.activations.relu
    assert folded.layers[1].use_bias


@pytest.mark.parametrize(
    "options", [{"scale": False}, {"center": False}, {"scale": False, "center": False}, {"epsilon": 0.3}]
)
@pytest.mark.parametrize("first", [[], [layers.Conv2D]], ids=["alone", "after a convolution"])
def test_norms_without_scale_or_center(options, first):
    assert_same(chain(*(kind(5, 3) for kind in first), layers.BatchNormalization(**options)))


def test_a_norm_after_a_pool_becomes_a_depthwise_convolution_of_its_name():
    folded = assert_same(chain(layers.MaxPooling2D(), layers.BatchNormalization(name="norm"), layers.ReLU()))
    norm = folded.get_layer("norm")
    assert type(norm) is layers.DepthwiseConv2D
    assert norm.kernel_size == (1, 1)
    assert norm.activation is keras.activations.relu
    assert kinds(folded)[:2] == ["MaxPooling2D", "DepthwiseConv2D"]


def test_a_norm_at_the_very_start():
    assert kinds(assert_same(chain(layers.BatchNormalization())))[0] == "DepthwiseConv2D"


def test_a_norm_after_a_concatenation():
    image = keras.Input((12, 12, 3))
    one, two = layers.Conv2D(4, 1)(image), layers.Conv2D(2, 3, padding="same")(image)
    x = layers.ReLU()(layers.BatchNormalization()(layers.Concatenate()([one, image, two])))
    x = layers.Dense(3)(layers.GlobalAveragePooling2D()(x))
    folded = assert_same(randomised(keras.Model(image, x)))
    assert "DepthwiseConv2D" in kinds(folded)
    assert "ReLU" not in kinds(folded)


def test_two_norms_in_a_row():
    folded = assert_same(chain(layers.Conv2D(4, 3), layers.BatchNormalization(), layers.BatchNormalization()))
    assert kinds(folded)[:2] == ["Conv2D", "GlobalAveragePooling2D"]


def test_a_conv_with_an_activation_keeps_it_before_the_norm():
    folded = assert_same(chain(layers.Conv2D(4, 3, activation="relu"), layers.BatchNormalization()))
    assert kinds(folded)[:2] == ["Conv2D", "DepthwiseConv2D"]


def test_a_conv_read_twice_is_not_folded():
    image = keras.Input((12, 12, 3))
    conv = layers.Conv2D(4, 3, name="conv")(image)
    x = layers.Add()([layers.BatchNormalization(name="norm")(conv), conv])
    model = randomised(keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(x))))
    folded = assert_same(model)
    assert type(folded.get_layer("norm")) is layers.DepthwiseConv2D
    np.testing.assert_array_equal(folded.get_layer("conv").kernel, model.get_layer("conv").kernel)


def test_a_conv_that_the_caller_reads_is_not_folded():
    image = keras.Input((12, 12, 3))
    conv = layers.Conv2D(4, 3, name="conv")(image)
    model = randomised(keras.Model(image, [conv, layers.BatchNormalization(name="norm")(conv)]))
    folded = fold(model)
    for got, wanted in zip(folded(IMAGES), model(IMAGES), strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-5)
    assert type(folded.get_layer("norm")) is layers.DepthwiseConv2D


def test_a_relu_is_not_fused_into_what_is_read_twice():
    image = keras.Input((12, 12, 3))
    norm = layers.BatchNormalization(name="norm")(layers.Conv2D(4, 3, name="conv")(image))
    x = layers.Add()([layers.ReLU()(norm), norm])
    folded = assert_same(randomised(keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))))
    assert folded.get_layer("conv").activation is keras.activations.linear
    assert kinds(folded).count("ReLU") == 1
    assert "DepthwiseConv2D" not in kinds(folded)  # the norm itself was folded


def test_a_relu_read_twice_is_fused():
    image = keras.Input((12, 12, 3))
    relu = layers.ReLU()(layers.Conv2D(4, 3, padding="same", name="conv")(image))
    x = layers.Concatenate()([relu, layers.MaxPooling2D(1)(relu)])
    folded = assert_same(randomised(keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))))
    assert folded.get_layer("conv").activation is keras.activations.relu


@pytest.mark.parametrize("other", [
    lambda: layers.ReLU(6.0), lambda: layers.ReLU(negative_slope=0.1), lambda: layers.ReLU(threshold=0.2),
    lambda: layers.LeakyReLU(), lambda: layers.Activation("relu6"), lambda: layers.Activation("tanh"),
], ids=["relu6", "slope", "threshold", "leaky", "relu6 activation", "tanh"])  # fmt: skip
def test_other_activations_stay(other):
    folded = assert_same(chain(layers.Conv2D(4, 3), layers.BatchNormalization(), other()))
    assert len(kinds(folded)) == 4
    assert folded.layers[1].activation is keras.activations.linear


def test_a_shared_conv_is_left_alone():
    image = keras.Input((12, 12, 3))
    conv = layers.Conv2D(3, 3, padding="same", name="conv")
    norms = [layers.BatchNormalization(), layers.BatchNormalization()]
    x = norms[1](conv(norms[0](conv(image))))
    model = randomised(keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(x))))
    folded = assert_same(model)
    assert kinds(folded).count("DepthwiseConv2D") == 2
    assert len(folded.get_layer("conv").inbound_nodes) == 2
    np.testing.assert_array_equal(folded.get_layer("conv").kernel, model.get_layer("conv").kernel)


def test_a_shared_norm_and_a_shared_relu_stay_shared():
    image = keras.Input((12, 12, 3))
    norm, relu = layers.BatchNormalization(name="norm"), layers.ReLU(name="relu")
    x = relu(norm(layers.Conv2D(3, 1)(relu(norm(layers.Conv2D(3, 1)(image))))))
    folded = assert_same(randomised(keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))))
    assert type(folded.get_layer("norm")) is layers.DepthwiseConv2D
    assert len(folded.get_layer("norm").inbound_nodes) == 2
    assert len(folded.get_layer("relu").inbound_nodes) == 2


def test_a_norm_after_a_dense_layer_goes_into_it():
    folded = assert_same(chain(layers.Flatten(), layers.Dense(5), layers.BatchNormalization(), layers.ReLU()))
    assert kinds(folded) == ["Flatten", "Dense", "Dense"]


def test_a_norm_on_rows_becomes_a_convolution_of_one_pixel():
    folded = assert_same(chain(layers.GlobalAveragePooling2D(), layers.BatchNormalization(name="norm")))
    assert kinds(folded) == ["GlobalAveragePooling2D", "Reshape", "DepthwiseConv2D", "Reshape", "Dense"]


def test_an_average_pool_moves_before_a_1x1_convolution():
    folded = assert_same(chain(layers.Conv2D(4, 1, **BIAS), layers.BatchNormalization(), layers.AveragePooling2D()))
    assert kinds(folded)[:2] == ["DepthwiseConv2D", "Conv2D"]


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_an_average_pool_moves_whatever_its_padding(padding):
    assert_same(chain(layers.Conv2D(4, 1, **BIAS), layers.AveragePooling2D(5, 3, padding=padding)))


@pytest.mark.parametrize("parts", [
    lambda: [layers.Conv2D(4, 1, activation="relu"), layers.AveragePooling2D()],
    lambda: [layers.Conv2D(4, 1), layers.BatchNormalization(), layers.ReLU(), layers.AveragePooling2D()],
    lambda: [layers.Conv2D(4, 3), layers.AveragePooling2D()],
    lambda: [layers.Conv2D(4, 1), layers.MaxPooling2D()],
    lambda: [layers.Conv2D(4, 1), layers.AveragePooling2D(3, 1)],
], ids=["activation", "relu", "3x3", "maximum", "no fewer pixels"])  # fmt: skip
def test_other_pools_stay_where_they_are(parts):
    assert kinds(assert_same(chain(*parts())))[0] == "Conv2D"


def test_a_gate_of_mobilenet_goes_into_the_convolution_before_it():
    # relu6(x + 3) / 6
    folded = assert_same(chain(layers.Conv2D(4, 1), lambda x: layers.ReLU(6.0)(x + 3.0) * (1 / 6)))
    assert kinds(folded)[:2] == ["Conv2D", "ReLU"]
    assert folded.layers[2].max_value == pytest.approx(1)


def hard_swish(x):
    return layers.Multiply()([x, layers.ReLU(6.0)(x + 3.0) * (1 / 6)])


def gated(x):
    """Squeeze-and-excite, as in MobileNetV3: its gate is relu6(x + 3) / 6, too."""
    gate = layers.Conv2D(6, 1)(layers.GlobalAveragePooling2D(keepdims=True)(x))
    return layers.Multiply()([x, layers.ReLU(6.0)(gate + 3.0) * (1 / 6)])


def test_a_hard_swish_is_a_shift_and_a_product_and_its_factor_goes_into_the_kernels_behind():
    parts = [layers.Conv2D(6, 3), hard_swish, layers.DepthwiseConv2D(3, name="depth"), layers.BatchNormalization()]
    model = chain(*parts, hard_swish, gated, layers.Conv2D(5, 1, name="project"))
    folded = assert_same(model)
    found = kinds(folded)
    assert found.count("Shift") == 2  # the gate's goes into the convolution before it
    assert "Rescaling" not in found
    assert found.count("DepthwiseConv2D") == 1
    # behind two products of its own and the gate's: 1/6 of each
    ratio = folded.get_layer("project").kernel.numpy() / model.get_layer("project").kernel.numpy()
    np.testing.assert_allclose(ratio, 1 / 36, rtol=1e-6)


@pytest.mark.parametrize("behind", [
    lambda x: layers.Add()([layers.Conv2D(6, 1)(x), x]),
    lambda x: layers.Multiply()([x, layers.GlobalAveragePooling2D(keepdims=True)(x)]),
    lambda x: layers.Activation("tanh")(x),
    lambda x: layers.BatchNormalization()(x),
], ids=["sum", "square", "tanh", "norm"])  # fmt: skip
def test_a_factor_that_would_reach_anything_but_kernels_goes_before_the_relu(behind):
    folded = assert_same(chain(layers.Conv2D(6, 3), hard_swish, behind))
    assert "Shift" not in kinds(folded)
    assert "DepthwiseConv2D" in kinds(folded)


def test_a_transposed_convolution_computes_what_it_did():
    assert_same(chain(layers.Conv2D(4, 3, 2), layers.Conv2DTranspose(4, 3, 2), layers.BatchNormalization()))


def test_a_transposed_convolution_of_another_width_computes_what_it_did():
    assert_same(chain(layers.Conv2D(4, 3, 2), layers.Conv2DTranspose(5, 3, 2), layers.BatchNormalization()))


def test_a_norm_over_rows_instead_of_channels_computes_what_it_did_or_is_refused():
    model = chain(layers.MaxPooling2D(4), layers.BatchNormalization(axis=1))
    wanted = model(IMAGES).numpy()
    try:
        folded = fold(model)
    except UserError:
        return
    np.testing.assert_allclose(folded(IMAGES), wanted, atol=1e-5)


def test_zeros_of_kernels_stay_zeros():
    model = chain(
        layers.Conv2D(8, 3, name="conv"),
        layers.BatchNormalization(),
        layers.DepthwiseConv2D(3, name="depth"),
        layers.BatchNormalization(),
    )
    rng = np.random.default_rng(0)
    for layer in (model.get_layer("conv"), model.get_layer("depth")):
        kernel, bias = layer.get_weights()
        layer.set_weights([kernel * (rng.random(kernel.shape) < 0.3), bias])
    folded = assert_same(model)
    for name in ("conv", "depth"):
        before, after = model.get_layer(name).get_weights()[0], folded.get_layer(name).get_weights()[0]
        assert 0.5 < np.mean(before == 0) < 0.9
        np.testing.assert_array_equal(after == 0, before == 0)


def test_the_original_is_left_as_it_was():
    model = chain(layers.Conv2D(4, 3), layers.BatchNormalization(), layers.ReLU())
    before, wanted = model.get_weights(), model(IMAGES).numpy()
    folded = fold(model)
    for weight in folded.weights:
        weight.assign(0 * weight + 7)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    np.testing.assert_array_equal(model(IMAGES), wanted)


def test_a_network_that_is_no_graph_is_refused():
    class Mine(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(UserError, match=r"is not a functional network: build it with keras.Model"):
        fold(Mine())


def test_sequential_networks_fold():
    model = randomised(
        keras.Sequential(
            [
                keras.Input((12, 12, 3)),
                layers.Conv2D(4, 3),
                layers.BatchNormalization(),
                layers.ReLU(),
                layers.GlobalAveragePooling2D(),
                layers.Dense(3),
            ]
        )
    )
    assert_same(model)


def test_a_whole_densenet():
    model = randomised(models.build("densenet_tiny", 32, 10, seed=0))
    norms = sum(isinstance(layer, layers.BatchNormalization) for layer in model.layers)
    folded = assert_same(model, np.random.default_rng(0).random((2, 32, 32, 3), dtype="float32"))
    # behind a convolution: the stem's and the bottlenecks' of 8 layers; before one: as many, and 3 transitions'
    assert kinds(folded).count("Threshold") + kinds(folded).count("DepthwiseConv2D") == norms - 9 + 3
    assert kinds(folded).count("Threshold") > 0
    assert not {"ReLU", "Activation"} & set(kinds(folded))
    # a convolution that changed places with its pool keeps its name, by which its zeros are checked
    convolutions = {layer.name for layer in model.layers if type(layer) is layers.Conv2D}
    assert convolutions <= {layer.name for layer in folded.layers}
