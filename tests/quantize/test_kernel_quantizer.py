"""Kernels on their int8 grid: the numbers of the oracle, and zeros that stay zeros in training and after a reload."""

import numpy as np
import pytest

from compress import artifacts, fake_quant, keras
from compress.evaluate import TFLitePredictor
from compress.export import convert
from compress.fake_quant import KernelQuantizer, quantize_kernel
from compress.prune import prunable_kernels
from compress.quantize.qat import quantization_aware
from tests.said import logits_of, numbers_of

layers, tf = keras.layers, keras.tf
IMAGES = np.random.default_rng(0).random((16, 8, 8, 3), dtype="float32")
LABELS = np.arange(16) % 3


def codes(kernel, axes):
    """The integers of a kernel's grid, by the scale of the oracle: max / 127 for each channel."""
    others = tuple(i for i in range(kernel.ndim) if i not in axes)
    step = np.maximum(abs(kernel).max(axis=others, keepdims=True), 1e-9) / 127
    return quantize_kernel(tf.constant(kernel), axes).numpy() / step


def test_the_numbers_of_the_oracle():
    x = np.float32([-1, -0.5, 0, 0.3, 0.9, 2])
    # -1 is halfway between -64 and -63: TensorFlow's kernel rounds up, the oracle to even; LiteRT allows one step
    expected = np.array([-63, -32, 0, 19, 57, 127]) * 2 / 127
    np.testing.assert_allclose(quantize_kernel(tf.constant(x[:, None]), ()).numpy()[:, 0], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "axes"), [((3, 3, 4, 6), (3,)), ((3, 3, 6, 2), (2, 3)), ((3, 3, 6, 4), (2,)), ((10, 6), ())]
)
def test_the_largest_of_each_channel_is_127(shape, axes):
    kernel = np.random.default_rng(0).normal(size=shape).astype("float32")
    found = codes(kernel, axes)
    np.testing.assert_allclose(found, np.round(found), atol=1e-3)
    others = tuple(i for i in range(len(shape)) if i not in axes)
    np.testing.assert_allclose(abs(found).max(axis=others), 127, atol=1e-3)
    assert len(np.unique(np.round(found))) > 30


def test_no_weight_moves_by_more_than_half_a_step():
    kernel = np.random.default_rng(0).normal(size=(3, 3, 4, 6)).astype("float32")
    step = abs(kernel).max(axis=(0, 1, 2)) / 127
    moved = abs(quantize_kernel(tf.constant(kernel), (3,)).numpy() - kernel) / step
    assert 0.4 < moved.max() <= 0.5 + 1e-3


def test_each_channel_has_its_own_scale():
    kernel = np.float32([[1.0, 100.0], [0.5, 50.0]])[None, None]
    np.testing.assert_allclose(quantize_kernel(tf.constant(kernel), (3,)), kernel * [64 / 63.5, 64 / 63.5], rtol=0.02)
    one_scale = quantize_kernel(tf.constant(kernel[0, 0]), ()).numpy()
    np.testing.assert_allclose(one_scale[:, 0] / (100 / 127), [1, 1], atol=1e-3)  # 1.27 and 0.635 of a step


def test_a_depthwise_kernel_has_a_scale_for_each_channel():
    kernel = np.float32([[1, 100], [0.26, 26]])[:, None, :, None]
    got = quantize_kernel(tf.constant(kernel), (2,)).numpy()
    np.testing.assert_allclose(got[..., 0, 0] * 100, got[..., 1, 0], rtol=1e-5)
    np.testing.assert_allclose(got[1, 0, 0, 0], 33 / 127, rtol=1e-5)  # 0.26 * 127 = 33.02


@pytest.mark.parametrize(
    ("layer", "shape", "axes"),
    [
        (layers.DepthwiseConv2D(3), (3, 3, 6, 2), (2, 3)),
        (layers.Conv2D(6, 3), (3, 3, 4, 6), (3,)),
        (layers.Conv2DTranspose(4, 3), (3, 3, 4, 6), (2,)),
        (layers.Dense(6), (4, 6), ()),
    ],
)
def test_outputs_have_scales_of_their_own(layer, shape, axes):
    name = "depthwise_kernel" if isinstance(layer, layers.DepthwiseConv2D) else "kernel"
    wrapper = keras.tfmot.quantization.keras.QuantizeWrapperV2(layer, fake_quant.Int8Config(name))
    assert KernelQuantizer().build(shape, name, wrapper)["axes"] == axes


@pytest.mark.parametrize(
    ("shape", "axes"), [((3, 3, 4, 6), (3,)), ((3, 3, 6, 2), (2, 3)), ((3, 3, 6, 4), (2,)), ((10, 6), ())]
)
def test_on_the_grid_it_changes_nothing_more(shape, axes):
    kernel = tf.constant(np.random.default_rng(0).normal(size=shape).astype("float32"))
    once = quantize_kernel(kernel, axes)
    np.testing.assert_allclose(quantize_kernel(once, axes), once, rtol=1e-6)


def test_a_channel_of_zeros_is_fine():
    kernel = np.random.default_rng(0).normal(size=(3, 3, 2, 3)).astype("float32")
    kernel[..., 1] = 0
    got = quantize_kernel(tf.constant(kernel), (3,)).numpy()
    assert not got[..., 1].any()
    assert np.isfinite(got).all()
    assert got[..., 0].any()
    assert not quantize_kernel(tf.zeros((1, 1, 2, 2)), (3,)).numpy().any()


@pytest.mark.parametrize("axes", [(2,), (3,), (2, 3), ()])
def test_zeros_stay_zeros_and_get_no_gradient_others_all_of_it(axes):
    rng = np.random.default_rng(0)
    kernel = tf.Variable((rng.normal(size=(3, 3, 4, 6)) * (rng.random((3, 3, 4, 6)) < 0.3)).astype("float32"))
    weights = rng.normal(size=kernel.shape).astype("float32")
    with tf.GradientTape() as tape:
        quantized = quantize_kernel(kernel, axes)
        loss = tf.reduce_sum(quantized * weights)
    zero = kernel.numpy() == 0
    assert not quantized.numpy()[zero].any()
    gradient = tape.gradient(loss, kernel).numpy()
    assert not gradient[zero].any()
    np.testing.assert_allclose(gradient[~zero], weights[~zero], rtol=1e-6)  # straight through, the largest ones, too


def sparse_network():
    """A third of the weights of two convolutions survive; "depth" and the head are dense."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(8, 3, name="conv1", use_bias=False)(image)))
    x = layers.DepthwiseConv2D(3, name="depth")(x)
    x = layers.Conv2D(8, 1, name="conv2")(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, layers.Dense(3, name="predictions")(x), name="sparse")
    rng = np.random.default_rng(0)
    for name in ("conv1", "conv2"):
        kernel = model.get_layer(name).kernel
        kernel.assign(kernel * (rng.random(kernel.shape) < 0.33))
    return model


def train(model, optimizer, steps=8):
    for _ in range(steps):
        with tf.GradientTape() as tape:
            logits = model(IMAGES, training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(LABELS, logits))
            loss += 0.01 * tf.add_n([tf.nn.l2_loss(w) for w in model.trainable_weights])  # weight decay, too
        weights = model.trainable_weights
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))


OPTIMIZERS = {
    "adam": lambda: keras.optimizers.legacy.Adam(0.01),
    "sgd": lambda: keras.optimizers.legacy.SGD(0.05, momentum=0.9, nesterov=True),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_zeros_stay_zeros_through_training(optimizer):
    model = sparse_network()
    zeros = {name: kernel == 0 for name, kernel in prunable_kernels(model).items()}
    network = quantization_aware(model, [IMAGES])
    before = prunable_kernels(network)
    train(network, OPTIMIZERS[optimizer]())
    after = prunable_kernels(network)
    assert list(after) == ["conv1", "conv2"]
    for name, zero in zeros.items():
        assert 0.5 < zero.mean() < 0.8
        np.testing.assert_array_equal(before[name] == 0, zero)
        assert not after[name][zero].any()
        assert (after[name][~zero] != before[name][~zero]).all()


def test_reloaded_it_predicts_the_same_and_keeps_its_zeros_when_trained_on(tmp_path):
    network = quantization_aware(sparse_network(), [IMAGES])
    train(network, OPTIMIZERS["adam"](), steps=2)
    wanted = network(IMAGES, training=False).numpy()
    artifacts.save(network, tmp_path / "model")
    loaded = artifacts.load(tmp_path / "model")
    np.testing.assert_allclose(loaded(IMAGES, training=False), wanted, atol=1e-6)
    before = prunable_kernels(loaded)
    train(loaded, OPTIMIZERS["adam"]())
    for name, kernel in prunable_kernels(loaded).items():
        assert np.mean(before[name] == 0) > 0.5
        np.testing.assert_array_equal(kernel == 0, before[name] == 0)
        assert (kernel[kernel != 0] != before[name][kernel != 0]).all()


def test_frozen_kernels_are_int8_values_and_predict_the_same():
    network = quantization_aware(sparse_network(), [IMAGES])
    wanted = network(IMAGES, training=False).numpy()
    before = prunable_kernels(network)
    fake_quant.freeze_quantized_kernels(network)
    np.testing.assert_allclose(network(IMAGES, training=False), wanted, atol=1e-5)
    for name, kernel in prunable_kernels(network).items():
        assert (kernel != before[name]).any()
        found = kernel / (abs(kernel).max(axis=(0, 1, 2)) / 127)
        np.testing.assert_allclose(found, np.round(found), atol=1e-3)
    with fake_quant.kernels_as_constants():
        np.testing.assert_allclose(network(IMAGES, training=False), wanted, atol=1e-5)
    depth = next(layer for layer in network.layers if layer.name == "quant_depth")
    (kernel, _, _) = depth._weight_vars[0]
    found = kernel.numpy() / (abs(kernel.numpy()).max(axis=(0, 1, 3), keepdims=True) / 127)
    np.testing.assert_allclose(found, np.round(found), atol=1e-3)


def test_kernels_as_constants_are_taken_as_they_are():
    network = quantization_aware(sparse_network(), [IMAGES])
    quantized = network(IMAGES, training=False).numpy()
    with fake_quant.kernels_as_constants():
        assert abs(network(IMAGES, training=False).numpy() - quantized).max() > 1e-5
    np.testing.assert_array_equal(network(IMAGES, training=False), quantized)


def test_a_bias_in_units_of_input_and_kernel():
    kernel = np.zeros((1, 1, 2, 3), np.float32)
    kernel[0, 0, :, :2] = [[1.27, 0.5], [-0.4, -2.54]]  # steps of 0.01 and 0.02; the third channel has none
    bias = np.float32([0.0124, -0.0251, 0.3])
    # by an input whose step is 0.5: units of 0.005 and 0.01
    np.testing.assert_allclose(fake_quant.quantized_bias(bias, kernel, (3,), 0.5), [0.01, -0.03, 0.3], rtol=1e-6)
    # one scale for all channels, as a dense kernel has: units of 0.01
    np.testing.assert_allclose(fake_quant.quantized_bias(bias, kernel, (), 0.5), [0.01, -0.03, 0.3], rtol=1e-6)
    far = np.float32([3e9 * 0.005, 0, 0])
    np.testing.assert_array_equal(fake_quant.quantized_bias(far, kernel, (3,), 0.5), far)


def test_a_deep_network_gives_the_same_codes_in_litert():
    keras.utils.set_random_seed(0)
    random = {"bias_initializer": "random_normal"}
    x = image = keras.Input((16, 16, 3))
    for _ in range(8):
        x = layers.DepthwiseConv2D(3, padding="same", **random)(x)
        x = layers.Conv2D(12, 1, activation="relu", **random)(x)
    model = keras.Model(image, layers.Dense(4, **random)(layers.Flatten()(x)))
    pixels = np.random.default_rng(0).integers(0, 256, (64, 16, 16, 3), dtype="uint8")
    network = quantization_aware(model, [pixels[:16] / np.float32(255)])
    fake_quant.freeze_quantized_kernels(network)
    content = convert.Converter(network, output_type="int8").dense()
    step = TFLitePredictor(content).outputs[0].step
    differ = abs(numbers_of(content)(pixels) - logits_of(network)(pixels)) > step / 2
    assert differ.mean() <= 0.01  # 0.08 with biases between two units
