"""The blocks of the networks for 32x32 images, against numbers worked by hand; and what they refuse."""

import numpy as np
import pytest

from compress import keras, models
from compress.errors import UserError
from compress.models import resnet_cifar, shufflenet, wrn


def network(block, shape):
    """The layers of ``block`` alone, every weight with some value."""
    keras.utils.set_random_seed(0)
    image = keras.Input(shape)
    model = keras.Model(image, block(image))
    rng = np.random.default_rng(0)
    for weight in model.weights:
        signs = 1 if "variance" in weight.name else rng.choice([-1, 1], weight.shape)
        weight.assign(rng.uniform(0.5, 1.5, weight.shape) * signs)
    return model


def test_shuffle():
    model = network(lambda x: shufflenet.shuffle(x, 3, "shuffle"), (1, 1, 6))
    np.testing.assert_array_equal(model(np.arange(6.0).reshape(1, 1, 1, 6)).numpy().ravel(), [0, 2, 4, 1, 3, 5])


def test_shuffle_keeps_pixels_apart():
    pixels = np.arange(2 * 2 * 3 * 12).reshape(2, 2, 3, 12)
    model = network(lambda x: shufflenet.shuffle(x, 3, "shuffle"), (2, 3, 12))
    order = [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]
    np.testing.assert_array_equal(model(pixels.astype("float32")), pixels[..., order])


def test_a_strided_unit_of_shufflenet_puts_the_mean_of_its_input_before_its_own_output():
    model = models.build("shufflenet_v1", 32, 10, seed=0)
    layers = [model.get_layer(f"stage1_unit1_{name}").output for name in ("3_bn", "out")]
    unit = keras.Model(model.get_layer("conv1_relu").output, layers)
    x = np.zeros((1, 32, 32, 24), "float32")
    x[0, 4:7, 4:7] = 9  # under one window: with stride 2 Keras pads right and bottom only
    before, out = unit(x)
    assert out.shape == (1, 16, 16, 240)
    np.testing.assert_allclose(out[0, 2, 2, :24], 9, rtol=1e-6)
    np.testing.assert_allclose(out[0, 1, 2, :24], 3, rtol=1e-6)  # rows 2, 3 and 4
    np.testing.assert_array_equal(out[..., 24:], np.maximum(before, 0))
    assert before.numpy().min() < 0 < before.numpy().max()


def test_a_block_of_equal_width_is_the_identity_when_its_second_convolution_is_zero():
    model = network(lambda x: wrn.block(x, 4, 1, "block"), (6, 6, 4))
    second = model.get_layer("block_2_conv")
    x = np.random.default_rng(1).normal(size=(2, 6, 6, 4)).astype("float32")
    assert abs(model(x).numpy() - x).max() > 0.1
    second.kernel.assign(np.zeros(second.kernel.shape))
    np.testing.assert_array_equal(model(x), x)
    assert "block_0_conv" not in [layer.name for layer in model.layers]


@pytest.mark.parametrize(("width", "stride"), [(8, 1), (4, 2)])
def test_a_wider_or_strided_block_projects_its_activated_input(width, stride):
    model = network(lambda x: wrn.block(x, width, stride, "block"), (6, 6, 4))
    second, shortcut = model.get_layer("block_2_conv"), model.get_layer("block_0_conv")
    second.kernel.assign(np.zeros(second.kernel.shape))
    x = np.random.default_rng(1).normal(size=(2, 6, 6, 4)).astype("float32")
    norm = model.get_layer("block_1_bn")
    gamma, beta, mean, variance = norm.get_weights()
    activated = np.maximum((x - mean) / np.sqrt(variance + 1e-5) * gamma + beta, 0)
    wanted = activated[:, ::stride, ::stride] @ shortcut.kernel.numpy()[0, 0]
    np.testing.assert_allclose(model(x), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["plain2", "wrn_16_1", "shufflenet_v1"])
def test_momentum_and_epsilon_are_those_of_the_papers_code(name):
    norms = [x for x in models.build(name, 32, 10).layers if isinstance(x, keras.layers.BatchNormalization)]
    assert {(norm.momentum, norm.epsilon) for norm in norms} == {(0.9, 1e-5)}


@pytest.mark.parametrize("name", ["plain8", "wrn_16_1"])
def test_weights_come_from_a_file(name, tmp_path):
    trained = models.build(name, 32, 10, seed=1)
    trained.save_weights(tmp_path / "w.h5")
    again = models.build(name, 32, 10, weights=str(tmp_path / "w.h5"), seed=2)
    assert all(np.array_equal(a, b) for a, b in zip(again.get_weights(), trained.get_weights(), strict=True))


def test_weights_of_other_sizes_of_images_do_not_fit_a_plain_network(tmp_path):
    models.build("plain2", 32, 10).save_weights(tmp_path / "w.h5")
    with pytest.raises(UserError, match="do not fit plain2"):
        models.build("plain2", 40, 10, weights=str(tmp_path / "w.h5"))


@pytest.mark.parametrize("name", ["plain8", "wrn_16_1", "shufflenet_v1"])
def test_there_are_no_imagenet_weights(name):
    with pytest.raises(UserError, match=f"no ImageNet weights for {name}"):
        models.build(name, 32, 10, weights="imagenet")


@pytest.mark.parametrize("size", [15, (16, 12)])
def test_images_that_the_pools_leave_nothing_of(size):
    with pytest.raises(
        UserError, match="cannot build plain10 for images of .*: its 4 pooling layers need at least 16 pixels"
    ):
        models.build("plain10", size, 10)
    assert models.build("plain10", 16, 10).get_layer("pool4").output_shape == (None, 1, 1, 256)


def test_depths_that_do_not_come_out_even():
    with pytest.raises(UserError, match=r"resnet18: a CIFAR ResNet has 6n \+ 2 layers"):
        resnet_cifar.build(18, (32, 32, 3), 10)
    with pytest.raises(UserError, match=r"wrn_28_0: a wide ResNet has 6n \+ 4 layers"):
        wrn.build(28, 0, (32, 32, 3), 10)
    with pytest.raises(UserError, match="wrn_18_1"):
        wrn.build(18, 1, (32, 32, 3), 10)
