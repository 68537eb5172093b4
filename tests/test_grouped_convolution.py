"""Convolutions in groups compute and train as a dense convolution whose kernel is zero between groups."""

import numpy as np
import pytest

from compress import keras

tf, layers = keras.tf, keras.layers
OPTIONS = [
    {"kernel_size": 1, "groups": 3},
    {"kernel_size": 3, "groups": 2, "strides": 2, "padding": "same"},
    {"kernel_size": 3, "groups": 6, "dilation_rate": 2},
    {"kernel_size": 3, "groups": 12, "strides": 2},
    {"kernel_size": 3, "groups": 12, "strides": (2, 1), "padding": "same"},
]


def dense_kernel(kernel, groups):
    """(h, w, channels, outputs) of (h, w, channels of a group, outputs): zero between groups."""
    height, width, channels, outputs = kernel.shape
    whole = np.zeros((height, width, groups * channels, outputs), np.float32)
    each = outputs // groups
    for g in range(groups):
        whole[:, :, g * channels : (g + 1) * channels, g * each : (g + 1) * each] = kernel[
            ..., g * each : (g + 1) * each
        ]
    return whole


def gradients(convolution, x, upstream):
    """(output, gradient of the input, of the kernel, of the bias)."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = convolution(x)
        loss = tf.reduce_sum(y * upstream)
    return y, *tape.gradient(loss, [x, convolution.kernel, convolution.bias])


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("options", OPTIONS)
def test_it_is_a_dense_convolution_without_the_weights_between_groups(options, traced):
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(2, 9, 8, 12)).astype("float32"))
    grouped = layers.Conv2D(24, **options)
    dense = layers.Conv2D(24, **{**options, "groups": 1})
    upstream = tf.constant(rng.normal(size=grouped(x).shape).astype("float32"))
    dense.build(x.shape)
    dense.set_weights([dense_kernel(grouped.kernel.numpy(), options["groups"]), grouped.bias.numpy()])
    run = tf.function(gradients) if traced else gradients
    y, dx, dk, db = run(grouped, x, upstream)
    wanted_y, wanted_dx, wanted_dk, wanted_db = gradients(dense, x, upstream)
    np.testing.assert_allclose(y, wanted_y, atol=1e-4)
    np.testing.assert_allclose(dx, wanted_dx, atol=1e-4)
    np.testing.assert_allclose(db, wanted_db, atol=1e-4)
    mask = dense_kernel(np.ones(grouped.kernel.shape), options["groups"])
    np.testing.assert_allclose(dense_kernel(dk.numpy(), options["groups"]), wanted_dk * mask, atol=1e-3)


def test_nothing_is_compiled_by_xla():
    grouped = layers.Conv2D(6, 1, groups=3)
    function = tf.function(grouped).get_concrete_function(tf.TensorSpec([1, 4, 4, 6]))
    kinds = {operation.type for operation in function.graph.get_operations()}
    assert "Conv2D" in kinds
    assert not any("Call" in kind for kind in kinds)
