"""ShuffleNet-V1 for 32x32 images (Zhang et al., 2018, "ShuffleNet: An Extremely Efficient Convolutional Neural Network
for Mobile Devices"), as the distillation literature has it: 3 groups, no stride in the stem, a ReLU behind each
depthwise convolution, where the paper has none.
"""

from __future__ import annotations

from typing import Any

from compress import keras
from compress.models import cifar
from compress.models.head import Head

NAME, GROUPS, STEM = "shufflenet_v1", 3, 24
STAGES = ((240, 4), (480, 8), (960, 4))  # (channels, units)


def build(input_shape: tuple[int, int, int], head: Head, weights: str | None = None) -> keras.Model:
    """A 1x1 convolution, three stages of shuffle units, of which each first one halves the map, and a Dense head.

    Input float32 (batch, *input_shape) in [0, 1]; output what ``head`` makes of the features. ``weights`` is None or a
    file of the same network. Raises UserError for weights that do not fit.
    """
    image = keras.Input(input_shape)
    x = cifar.relu(cifar.batch_norm(cifar.conv(image, STEM, 1, "conv1_conv"), "conv1_bn"), "conv1_relu")
    for stage, (width, units) in enumerate(STAGES, start=1):
        for number in range(1, units + 1):
            x = _unit(x, width, 2 if number == 1 else 1, f"stage{stage}_unit{number}")
    return cifar.network(image, cifar.pooled(x), head, NAME, weights)


def _unit(x: Any, width: int, stride: int, name: str) -> Any:
    """1x1 in groups, shuffle, depthwise 3x3, 1x1 in groups; added to x, or with stride 2 behind an average of x."""
    channels = x.shape[-1]
    outputs = width if stride == 1 else width - channels
    groups = 1 if channels == STEM else GROUPS  # the stem's few channels are not grouped, nor shuffled
    y = cifar.batch_norm(cifar.conv(x, outputs // 4, 1, f"{name}_1_conv", groups=groups), f"{name}_1_bn")
    y = shuffle(cifar.relu(y, f"{name}_1_relu"), groups, f"{name}_shuffle")
    y = cifar.batch_norm(cifar.depthwise(y, 3, stride, f"{name}_2_depthwise"), f"{name}_2_bn")
    y = cifar.relu(y, f"{name}_2_relu")
    y = cifar.batch_norm(cifar.conv(y, outputs, 1, f"{name}_3_conv", groups=GROUPS), f"{name}_3_bn")
    if stride == 1:
        y = keras.layers.Add(name=f"{name}_add")([x, y])
    else:
        mean = keras.layers.AveragePooling2D(3, 2, padding="same", name=f"{name}_mean")(x)
        y = keras.layers.Concatenate(name=f"{name}_concat")([mean, y])
    return cifar.relu(y, f"{name}_out")


def shuffle(x: Any, groups: int, name: str) -> Any:
    """Channel i * groups + g of the result is channel i of group g: [0, 1, 2, 3, 4, 5] of 3 -> [0, 2, 4, 1, 3, 5].

    A transpose of (groups, channels of a group). LiteRT moves int8 as it is: all 15 shuffles take 0.2 of the 1.26 ms of
    an int8 inference at 32x32. docs/decisions/0013 has the other ways.
    """
    if groups == 1:
        return x
    height, width, channels = x.shape[1:]
    x = keras.layers.Reshape((height, width, groups, channels // groups), name=f"{name}_groups")(x)
    x = keras.layers.Permute((1, 2, 4, 3), name=f"{name}_permute")(x)
    return keras.layers.Reshape((height, width, channels), name=name)(x)
