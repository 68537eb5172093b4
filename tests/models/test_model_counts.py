"""Parameter counts of the published networks."""

import numpy as np
import pytest

from compress import keras, models


def trainable(model) -> int:
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def kernels(model) -> int:
    """Weights of convolutions and the Dense head, without biases."""
    layers = [layer for layer in model.layers if isinstance(layer, (keras.layers.Conv2D, keras.layers.Dense))]
    return sum(int(np.prod(layer.kernel.shape)) for layer in layers)


def test_densenet121_at_10_classes():
    model = models.build("densenet121", 32, 10)
    assert (model.count_params(), trainable(model), kernels(model)) == (7_047_754, 6_964_106, 6_880_448)
    assert len(model.layers) == 429
    names = [layer.name for layer in model.layers]
    assert {"conv1/conv", "pool2_bn", "conv5_block16_concat", "bn", "avg_pool"} <= set(names)
    assert names[-1] == "predictions"


def test_densenet201_at_10_classes():
    model = models.build("densenet201", 32, 10)
    assert (model.count_params(), trainable(model), kernels(model)) == (18_341_194, 18_112_138, 17_883_072)
    assert len(model.layers) == 709


@pytest.mark.parametrize(("name", "total"), [("densenet_tiny", 421_066), ("densenet_small", 1_649_890)])
def test_small_densenets_at_10_classes(name, total):
    model = models.build(name, 32, 10)
    assert model.count_params() == total
    assert model.name == name
    assert {"conv1/conv", "conv2_block1_0_bn", "pool4_conv", "bn", "predictions"} <= {x.name for x in model.layers}


@pytest.mark.parametrize(
    ("name", "at_100", "total_at_100", "at_10"),
    [
        ("resnet8", 83_892, 84_564, 78_042),
        ("resnet20", 278_324, 279_892, 272_474),
        ("resnet56", 861_620, 865_876, 855_770),
    ],
)
def test_cifar_resnets(name, at_100, total_at_100, at_10):
    model = models.build(name, 32, 100)
    assert (trainable(model), model.count_params()) == (at_100, total_at_100)
    assert trainable(models.build(name, 32, 10)) == at_10


def test_cifar_resnet_stages_halve_the_image():
    model = models.build("resnet20", 32, 10)
    shapes = [tuple(model.get_layer(f"stage{stage}_block3_out").output.shape[1:]) for stage in (1, 2, 3)]
    assert shapes == [(32, 32, 16), (16, 16, 32), (8, 8, 64)]


def test_cifar_resnet_batch_norm_and_initial_kernels():
    model = models.build("resnet8", 32, 10, seed=0)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert {(norm.momentum, norm.epsilon) for norm in norms} == {(0.9, 1e-5)}
    kernel = model.get_layer("stage3_block1_2_conv").get_weights()[0]  # 3x3, 64 to 64
    assert kernel.std() == pytest.approx(np.sqrt(2 / (9 * 64)), rel=0.02)
