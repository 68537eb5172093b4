"""A norm and its ReLU as a threshold: by hand, exactly in float, and what the grid asks of the bias."""

import numpy as np
import pytest

from compress import artifacts, fake_quant, keras
from compress.export import convert, flatbuffer
from compress.quantize.batchnorm_relu_as_max import is_even, moved_into, quantized_threshold, threshold
from compress.quantize.fold import fold
from compress.quantize.qat import quantization_aware

layers = keras.layers
IMAGES = np.random.default_rng(0).normal(0.4, 0.3, (8, 10, 10, 3)).clip(0, 1).astype("float32")


def test_the_threshold_by_hand():
    # relu(2 x - 1) acts above 0.5; relu(-4 x + 1) below 0.25; relu(0 x + 3) is 3
    np.testing.assert_allclose(threshold(np.float32([2, -4, 0]), np.float32([-1, 1, 3])), [0.5, 0.25, 0])


def test_the_kernel_and_bias_by_hand():
    scale, shift = np.float32([2, -4, 0]), np.float32([-1, 1, 3])
    kernel, bias = moved_into(np.float32([10, 1, 5]).reshape(1, 1, 3, 1), np.float32([7]), scale, shift)
    assert kernel.ravel().tolist() == [20, -4, 0]
    # 7 + 5 * 3 - (20 * 0.5 - 4 * 0.25)
    assert bias.tolist() == [13]
    for x in np.float32([[0, 0, 0], [1, 0, 9], [0.6, 0.3, -1], [-1, 1, 1]]):
        wanted = np.maximum(scale * x + shift, 0) @ [10, 1, 5] + 7
        cut = np.where(scale > 0, np.maximum(x, [0.5, 0, 0]), np.minimum(x, [0, 0.25, 0]))
        assert cut @ kernel[0, 0, :, 0] + bias[0] == pytest.approx(wanted)


def test_on_the_grid_a_threshold_is_rounded_where_it_acts():
    # a grid of 0 to 25.5 by tenths; the second lies above it, the third below it, the fourth falls and lies below it
    t, rising = np.float32([1.26, 30, -3, -3]), np.float32([1, 1, 1, -1])
    np.testing.assert_allclose(quantized_threshold(t, rising, (0.0, 25.5)), [1.3, 25.5, -3, 0], atol=1e-5)


def test_factors_of_many_sizes_are_uneven():
    assert is_even(np.float32([1, -2, 8, 0]))
    assert not is_even(np.float32([1, 1, 1, 9]))
    assert not is_even(np.float32([0, 0]))


def network(gamma=(1.0, 0.5, -0.7, 0.0), behind=1):
    keras.utils.set_random_seed(0)
    image = keras.Input((10, 10, 3))
    x = layers.Conv2D(4, 3, name="first")(image)
    x = layers.Concatenate(name="both")([x, layers.Cropping2D(1)(image)])
    y = layers.ReLU(name="relu")(layers.BatchNormalization(name="norm")(x))
    y = [layers.Conv2D(5, 1, name=f"second{number}")(y) for number in range(behind)]
    y = layers.Concatenate(name="wide")([*y, x])
    model = keras.Model(image, layers.Dense(3, name="head")(layers.GlobalAveragePooling2D(name="mean")(y)))
    norm = model.get_layer("norm")
    norm.set_weights([
        np.resize(gamma, 7).astype("float32"), np.linspace(-0.3, 0.5, 7), np.linspace(-0.2, 0.4, 7), np.full(7, 0.3)
    ])  # fmt: skip
    return model


@pytest.mark.parametrize("behind", [1, 2])
@pytest.mark.parametrize("gamma", [(1.0, 0.5, 0.7), (1.0, 0.5, -0.7, 0.0)], ids=["rising", "both ways"])
def test_a_network_with_a_threshold_is_the_same_and_int8(gamma, behind, tmp_path):
    model = network(gamma, behind)
    wanted = model(IMAGES).numpy()
    folded = fold(model)
    assert type(folded.get_layer("norm")).__name__ == "Threshold"
    np.testing.assert_allclose(folded(IMAGES), wanted, atol=2e-6)
    aware = quantization_aware(model, [IMAGES])
    fake_quant.freeze_quantized_kernels(aware)
    assert np.corrcoef(aware(IMAGES).numpy().ravel(), wanted.ravel())[0, 1] > 0.999
    found = flatbuffer.operators(convert.Converter(aware).dense())
    assert (found.floats, found.requantizations) == ([], 0)
    assert (found.counts["MAXIMUM"], found.counts.get("MINIMUM", 0)) == (1, int(min(gamma) < 0))
    artifacts.save(aware, tmp_path / "saved")
    np.testing.assert_allclose(artifacts.load(tmp_path / "saved")(IMAGES), aware(IMAGES), atol=1e-6)


def test_a_3x3_convolution_pads_with_zeros_and_keeps_its_norm():
    image = keras.Input((10, 10, 3))
    x = layers.ReLU()(layers.BatchNormalization(name="norm")(layers.MaxPooling2D()(image)))
    folded = fold(keras.Model(image, layers.Conv2D(2, 3, padding="same")(x)))
    assert type(folded.get_layer("norm")) is layers.DepthwiseConv2D


def test_the_threshold_learns():
    aware = quantization_aware(network(), [IMAGES])
    variable = next(w for w in aware.trainable_weights if "threshold" in w.name)
    assert not any("rising" in w.name for w in aware.trainable_weights)
    with keras.tf.GradientTape() as tape:
        loss = keras.tf.reduce_sum(aware(IMAGES, training=True) ** 2)
    assert np.abs(tape.gradient(loss, variable)).max() > 0
