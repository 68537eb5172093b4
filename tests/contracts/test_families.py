"""One network of each family, keras.applications' and ours: rewritten exactly, narrowed exactly, pruned, trained two
steps in int8, exported, run."""

import numpy as np
import pytest

from benchmarks.networks import FAMILIES
from compress import fake_quant, keras, models
from compress.export import convert, flatbuffer
from compress.narrow.surgery import narrowed
from compress.narrow.trace import trace
from compress.prune import kernel_sparsity, prunable_kernels
from compress.prune.gradual import prunable_layers
from compress.prune.masks import GradualPruning
from compress.quantize.fold import fold
from compress.quantize.qat import float_layers, quantization_aware
from compress.rewrite import as_plain_layers
from compress.stages.faithful import check_zeros, unexpected_floats
from compress.stages.quantize import keeps_zeros
from tests.narrow.masked import masked, some_of
from tests.said import logits_of, numbers_of, probabilities

tf = keras.tf
FAST = ("mobilenetv2", "mobilenetv3small", "regnety002", "plain8", "resnet8", "wrn_16_1", "shufflenet_v1")
OURS = ("plain10_wide", "resnet32x4", "resnet110", "wrn_40_2")
SIZES = dict.fromkeys((*FAMILIES, *FAST, *OURS), 32) | {"inceptionv3": 75, "inceptionresnetv2": 75, "xception": 71}
# what has no int8 kernel in TFLite: kind of layer -> operators that compute in float for it
FLOAT = {"convnexttiny": {"DEQUANTIZE", "QUANTIZE", "MEAN", "SQUARED_DIFFERENCE", "RSQRT", "MUL", "SUB", "ADD"}}
SPARSITY = 0.8

families = pytest.mark.parametrize(
    "name", [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in sorted(SIZES)]
)


def as_trained(name):
    """The network with weights and statistics such as a training leaves."""
    model = models.build(name, SIZES[name], 10, seed=0)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if "variance" in weight.name:
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        elif "gamma" in weight.name:
            weight.assign(rng.uniform(0.5, 1.2, weight.shape) * rng.choice([-1, 1], weight.shape))
        elif any(word in weight.name for word in ("mean", "beta", "bias")):
            weight.assign(rng.normal(0, 0.3, weight.shape))
    return model


def narrower(model, images):
    """The plain network without a quarter of its channels: exact against the one whose kernels read nothing of them."""
    network = as_plain_layers(model)
    traced = trace(network)
    removed = some_of(traced, 0.25)
    assert len(removed) >= 10
    narrow = narrowed(network, traced, removed)
    assert narrow.count_params() < 0.85 * network.count_params()
    wanted, got = (each(images, training=False).numpy() for each in (masked(network, traced, removed), narrow))
    assert abs(got - wanted).max() <= 1e-5 * abs(wanted).max()
    return narrow


def pruned(network, path):
    """The plain network after one step of tfmot's pruning to SPARSITY."""
    kernels = [layer.kernel for layer in prunable_layers(network)]
    schedule = keras.tfmot.sparsity.keras.ConstantSparsity(SPARSITY, 0, frequency=1)
    pruning = GradualPruning(kernels, schedule, 1, path)
    pruning.on_train_begin()
    pruning.on_train_batch_begin(0)
    assert kernel_sparsity(prunable_kernels(network)) == pytest.approx(SPARSITY, abs=0.02)
    return network


def train(network, images, labels, steps):
    optimizer = keras.optimizers.Adam(1e-4)
    for _ in range(steps):
        with tf.GradientTape() as tape:
            logits = network(images, training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
        assert np.isfinite(loss)
        weights = network.trainable_weights
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))


@families
def test_a_family(name, tmp_path):
    size, rng = SIZES[name], np.random.default_rng(1)
    pixels = rng.integers(0, 256, (8, size, size, 3), dtype="uint8")
    images = pixels.astype("float32") / 255
    model = as_trained(name)
    wanted = model(images, training=False).numpy()
    folded = fold(model)
    assert abs(folded(images, training=False).numpy() - wanted).max() / abs(wanted).max() <= 1e-4
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in folded.layers)

    network = pruned(narrower(model, images), tmp_path / "sparsity.csv")
    sparse_kernels = prunable_kernels(network)
    aware = quantization_aware(network, [images])
    before = [weight.numpy() for weight in aware.trainable_weights]
    train(aware, images, rng.integers(0, 10, 8), 2)
    assert any((weight != old).any() for weight, old in zip(aware.get_weights(), before, strict=False))
    fake_quant.freeze_quantized_kernels(aware)
    kernels = prunable_kernels(aware)
    keeps_zeros(sparse_kernels, kernels)
    assert kernel_sparsity(kernels) >= kernel_sparsity(sparse_kernels)

    converter = convert.Converter(aware)
    content, sparse = converter.dense(), converter.sparse()
    found = flatbuffer.operators(content)
    assert set(found.floats) == FLOAT.get(name, set())
    assert bool(float_layers(aware)) == (name in FLOAT)
    assert unexpected_floats(found, float_layers(aware)) == []
    assert found.requantizations == 0
    check_zeros(kernels, flatbuffer.convolution_kernels(content))
    logits = logits_of(aware)(pixels)
    got = numbers_of(content)(pixels)
    assert abs(got - probabilities(logits)).max() < 0.05
    np.testing.assert_allclose(numbers_of(sparse)(pixels), got, atol=1e-5)
    assert len(sparse) < len(content)
