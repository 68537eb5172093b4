"""The ResNets for 32x32 images (He et al., 2016, "Deep Residual Learning for Image Recognition", section 4.2)."""

from __future__ import annotations

from typing import Any

from compress import keras
from compress.models import weights as weight_files

WIDTHS = (16, 32, 64)


def build(depth: int, input_shape: tuple[int, int, int], classes: int, weights: str | None = None) -> keras.Model:
    """A CIFAR ResNet of ``depth`` = 6n + 2 layers: a 3x3 convolution, three stages of n basic blocks, a Dense head.

    Input float32 (batch, *input_shape) in [0, 1]; output float32 logits (batch, classes). ``weights`` is None or a
    file of the same network. Where a block changes the width its shortcut is a 1x1 convolution with batch norm.
    Strided convolutions pad "same" (Keras pads bottom and right only, where PyTorch pads all around: same sizes and
    counts, not the same numbers). Batch-norm momentum 0.9, epsilon 1e-5; kernels are initialised from He's normal
    distribution by fan-out. Raises UserError for weights that do not fit.
    """
    name = f"resnet{depth}"
    weight_files.refuse_imagenet(name, weights)
    image = keras.Input(input_shape)
    x = _relu(_conv_bn(image, WIDTHS[0], 3, 1, "conv1"), "conv1_relu")
    for stage, width in enumerate(WIDTHS, start=1):
        for block in range(1, (depth - 2) // 6 + 1):
            x = _basic_block(x, width, 2 if stage > 1 and block == 1 else 1, f"stage{stage}_block{block}")
    x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
    model = keras.Model(image, keras.layers.Dense(classes, name="predictions")(x), name=name)
    if weights is not None:
        weight_files.load(model, weights)
    return model


def _basic_block(x: Any, width: int, stride: int, name: str) -> Any:
    shortcut = x
    if stride != 1 or x.shape[-1] != width:
        shortcut = _conv_bn(x, width, 1, stride, f"{name}_0")
    x = _relu(_conv_bn(x, width, 3, stride, f"{name}_1"), f"{name}_1_relu")
    x = _conv_bn(x, width, 3, 1, f"{name}_2")
    return _relu(keras.layers.Add(name=f"{name}_add")([shortcut, x]), f"{name}_out")


def _conv_bn(x: Any, width: int, kernel: int, stride: int, name: str) -> Any:
    he = keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")
    x = keras.layers.Conv2D(
        width, kernel, stride, padding="same", use_bias=False, kernel_initializer=he, name=f"{name}_conv"
    )(x)
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_bn")(x)


def _relu(x: Any, name: str) -> Any:
    return keras.layers.Activation("relu", name=name)(x)
