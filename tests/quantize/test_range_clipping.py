"""Cut ranges against histograms and divergences worked by hand."""

import math
from functools import partial

import numpy as np
import pytest

from compress import keras
from compress.quantize.calibrate import observe
from compress.quantize.qat import quantization_aware
from compress.quantize.range_clipping import BINS, clipped, clipping_divergence, entropy, percentile

layers = keras.layers


def test_divergence_by_hand():
    counts = np.array([6, 2, 4, 4, 0, 0, 0, 1])
    # 8 bins in 4 steps of two: (6, 2) is told as (4, 4), (0, 1) as itself
    assert clipping_divergence(counts, 8, 4) == pytest.approx((6 * math.log(6 / 4) + 2 * math.log(2 / 4)) / 17)
    # 4 bins in 4 steps: P = (6, 2, 4, 5) of 17, the last with what lies beyond, Q = (6, 2, 4, 4) of 16
    assert clipping_divergence(counts, 4, 4) == pytest.approx((12 * math.log(16 / 17) + 5 * math.log(20 / 17)) / 17)
    # cut at 6, the one beyond falls where the steps have nothing
    assert clipping_divergence(counts, 6, 4) == math.inf
    # a bin a step and nothing beyond: nothing is lost
    assert clipping_divergence(counts, 8, 8) == 0


def test_percentile_by_hand():
    counts = np.array([1, 0, 0, 0, 90, 5, 3, 1])  # bins of 0.5 over [-2, 2], 100 values
    assert percentile(counts, 2.0, 100) == (-2.0, 2.0)
    assert percentile(counts, 2.0, 99) == (0.0, 1.5)
    assert percentile(counts, 2.0, 96) == (0.0, 1.0)
    assert percentile(counts, 2.0, 95.5) == (0.0, 1.0)


def test_percentile_is_numpys_to_a_bin():
    values = np.random.default_rng(0).standard_t(3, 100_000)
    limit = abs(values).max()
    counts = np.histogram(values, 2 * BINS, (-limit, limit))[0]
    for percent in (99.0, 99.9, 99.99):
        wanted = np.percentile(values, [100 - percent, percent])
        np.testing.assert_allclose(percentile(counts, limit, percent), wanted, atol=2 * limit / BINS)


def histogram(values):
    limit = float(abs(values).max())
    return np.histogram(values, 2 * BINS, (-limit, limit))[0], limit


def test_entropy_cuts_off_a_single_outlier_and_keeps_what_is_even():
    even = np.linspace(-1, 1, 200_001)
    assert entropy(*histogram(even)) == (-1.0, 1.0)
    low, high = entropy(*histogram(np.append(np.random.default_rng(0).normal(0, 1, 200_000), 50.0)))
    assert low == -high
    assert 3 < high < 8


def test_zeros_behind_a_relu_have_no_say():
    values = np.abs(np.random.default_rng(0).normal(0, 1, 100_000))
    assert entropy(*histogram(np.append(values, np.zeros(900_000)))) == entropy(*histogram(values))


def three_layers():
    """An identity that an image passes, then -2 x of it, then both summed up."""
    image = keras.Input((8, 8, 1), name="image")
    x = layers.DepthwiseConv2D(1, name="same")(image)
    x = layers.Conv2D(1, 1, name="double")(x)
    model = keras.Model(image, layers.Dense(2, name="head")(layers.GlobalAveragePooling2D(name="mean")(x)))
    model.get_layer("same").set_weights([np.float32([[[[1]]]]), np.float32([0])])
    model.get_layer("double").set_weights([np.float32([[[[-2]]]]), np.float32([0])])
    return model


def test_ranges_of_a_network_are_cut():
    """Of 1000 pixels 998 are at most 0.25, two are 1."""
    pixels = np.full((1000,), 0.25, "float32")
    pixels[[7, 900]] = 1.0
    images = np.resize(pixels, (125, 8, 8, 1))  # 8 times over: 16 of 8000
    model = three_layers()
    ranges = observe(model, [images[:60], images[60:]])
    assert clipped(model, [images], ranges, None) == ranges
    cut = clipped(model, [images[:60], images[60:]], ranges, partial(percentile, percent=99.5))
    assert cut["image"] == (0.0, 1.0)  # bytes keep their grid
    assert cut["same"] == (0.0, pytest.approx(0.25, abs=1 / BINS))
    assert cut["double"] == (pytest.approx(-0.5, abs=2 / BINS), 0.0)
    assert clipped(model, [images], ranges, partial(percentile, percent=100)) == ranges


def test_the_network_gets_the_cut_ranges():
    images = np.full((125, 8, 8, 1), 0.25, "float32")
    images[0, 0, 0] = 1.0
    aware = quantization_aware(three_layers(), [images], partial(percentile, percent=99.9))
    found = aware.get_layer("quant_same").quantize_config
    assert found.high == pytest.approx(0.25, abs=1 / BINS)


def test_a_tensor_of_zeros_is_left_alone():
    images = np.zeros((4, 8, 8, 1), "float32")
    model = three_layers()
    ranges = observe(model, [images])
    assert clipped(model, [images], ranges, entropy) == ranges
