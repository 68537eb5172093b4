"""Parameter counts of the published networks."""

import numpy as np
import pytest

from compress import keras, models
from compress.models import wrn
from compress.models.head import dense


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
        ("resnet14", 181_108, 182_228, 175_258),
        ("resnet20", 278_324, 279_892, 272_474),
        ("resnet32", 472_756, 475_220, 466_906),
        ("resnet56", 861_620, 865_876, 855_770),
        ("resnet110", 1_736_564, 1_744_852, 1_730_714),
        ("resnet8x4", 1_233_540, 1_236_292, 1_210_410),
        ("resnet32x4", 7_433_860, 7_443_780, 7_410_730),
        ("shufflenet_v1", 949_258, 972_994, 862_768),
    ],
)
def test_cifar_resnets_and_shufflenet(name, at_100, total_at_100, at_10):
    model = models.build(name, 32, 100)
    assert model.name == name
    assert (trainable(model), model.count_params()) == (at_100, total_at_100)
    assert trainable(models.build(name, 32, 10)) == at_10


@pytest.mark.parametrize(
    ("name", "at_100", "at_10"),
    [
        ("wrn_16_1", 180_916, None),
        ("wrn_16_2", 703_284, 691_674),
        ("wrn_40_1", 569_780, None),
        ("wrn_40_2", 2_255_156, None),
    ],
)
def test_wide_resnets(name, at_100, at_10):
    model = models.build(name, 32, 100)
    assert model.name == name
    assert trainable(model) == at_100
    if at_10 is not None:
        assert trainable(models.build(name, 32, 10)) == at_10


def test_wide_resnets_of_any_depth_and_width():
    assert trainable(wrn.build(22, 4, (32, 32, 3), dense(10))) == 4_298_970


def test_wrn_40_2_with_its_statistics():
    assert models.build("wrn_40_2", 32, 100).count_params() == 2_260_564


@pytest.mark.parametrize(
    ("name", "classes", "count"),
    [
        ("plain2", 10, 13_082),
        ("plain4", 10, 37_338),
        ("plain6", 10, 82_778),
        ("plain8", 10, 327_962),
        ("plain10", 10, 2_487_850),
        ("plain2_wide", 100, 215_172),
        ("plain4_wide", 100, 475_652),
        ("plain6_wide", 100, 1_107_204),
        ("plain8_wide", 100, 1_246_276),
        ("plain10_wide", 100, 2_931_460),
    ],
)
def test_plain_networks(name, classes, count):
    model = models.build(name, 32, classes)
    assert model.name == name
    assert trainable(model) == count
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert f"plain{len(convolutions)}" == name.removesuffix("_wide")


def shapes(name, layers):
    model = models.build(name, 32, 10)
    return [tuple(model.get_layer(layer).output.shape[1:]) for layer in layers]


@pytest.mark.parametrize(
    ("name", "last", "widths"),
    [
        ("resnet20", "stage{}_block3_out", (16, 32, 64)),
        ("resnet8x4", "stage{}_block1_out", (64, 128, 256)),
        ("wrn_16_2", "group{}_block2_add", (32, 64, 128)),
    ],
)
def test_stages_halve_the_image(name, last, widths):
    found = shapes(name, [last.format(stage) for stage in (1, 2, 3)])
    assert found == [(side, side, width) for side, width in zip((32, 16, 8), widths, strict=True)]


def test_stages_of_shufflenet():
    found = shapes("shufflenet_v1", ["conv1_relu", "stage1_unit4_out", "stage2_unit8_out", "stage3_unit4_out"])
    assert found == [(32, 32, 24), (16, 16, 240), (8, 8, 480), (4, 4, 960)]
    assert shapes("shufflenet_v1", ["stage1_unit1_1_conv", "stage1_unit1_3_conv"]) == [(32, 32, 54), (16, 16, 216)]


def test_cifar_resnet_batch_norm_and_initial_kernels():
    model = models.build("resnet8", 32, 10, seed=0)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert {(norm.momentum, norm.epsilon) for norm in norms} == {(0.9, 1e-5)}
    kernel = model.get_layer("stage3_block1_2_conv").get_weights()[0]  # 3x3, 64 to 64
    assert kernel.std() == pytest.approx(np.sqrt(2 / (9 * 64)), rel=0.02)
