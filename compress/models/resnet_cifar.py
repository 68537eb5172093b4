"""The ResNets for 32x32 images (He et al., 2016, "Deep Residual Learning for Image Recognition", section 4.2)."""

from __future__ import annotations

from typing import Any

from compress import keras
from compress.errors import UserError
from compress.models import cifar
from compress.models.head import Head

WIDTHS = (16, 16, 32, 64)
WIDTHS_X4 = (32, 64, 128, 256)  # the "x4" of the distillation literature: the stages four times, the stem twice as wide


def build(
    depth: int,
    input_shape: tuple[int, int, int],
    head: Head,
    weights: str | None = None,
    widths: tuple[int, ...] = WIDTHS,
) -> keras.Model:
    """A CIFAR ResNet of ``depth`` = 6n + 2 layers: a 3x3 convolution, three stages of n basic blocks, a Dense head.

    ``widths`` are the channels of that first convolution and of the three stages. Input float32 (batch, *input_shape)
    in [0, 1]; output what ``head`` makes of the features. ``weights`` is None or a file of the same network. Where a
    block changes the width or the size its shortcut is a 1x1 convolution with batch norm. Raises UserError for another
    depth and for weights that do not fit.
    """
    name = f"resnet{depth}" + ("x4" if widths == WIDTHS_X4 else "")
    if depth < 8 or depth % 6 != 2:
        raise UserError(f"{name}: a CIFAR ResNet has 6n + 2 layers (8, 14, 20, ...)")
    image = keras.Input(input_shape)
    x = cifar.relu(conv_bn(image, widths[0], 3, 1, "conv1"), "conv1_relu")
    for stage, width in enumerate(widths[1:], start=1):
        for block in range(1, (depth - 2) // 6 + 1):
            x = basic_block(x, width, 2 if stage > 1 and block == 1 else 1, f"stage{stage}_block{block}")
    return cifar.network(image, cifar.pooled(x), head, name, weights)


def basic_block(x: Any, width: int, stride: int, name: str) -> Any:
    """Two 3x3 convolutions beside a shortcut, which is a 1x1 convolution where the width or the size changes."""
    shortcut = x
    if stride != 1 or x.shape[-1] != width:
        shortcut = conv_bn(x, width, 1, stride, f"{name}_0")
    x = cifar.relu(conv_bn(x, width, 3, stride, f"{name}_1"), f"{name}_1_relu")
    x = conv_bn(x, width, 3, 1, f"{name}_2")
    return cifar.relu(keras.layers.Add(name=f"{name}_add")([shortcut, x]), f"{name}_out")


def conv_bn(x: Any, width: int, kernel: int, stride: int, name: str) -> Any:
    """A convolution without a bias, and its batch norm."""
    return cifar.batch_norm(cifar.conv(x, width, kernel, f"{name}_conv", stride), f"{name}_bn")
