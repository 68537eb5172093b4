"""Wide ResNets for 32x32 images (Zagoruyko and Komodakis, 2016, "Wide Residual Networks"), without dropout."""

from __future__ import annotations

from typing import Any

from compress import keras
from compress.errors import UserError
from compress.models import cifar
from compress.models.head import Head

WIDTHS = (16, 32, 64)


def build(
    depth: int, factor: int, input_shape: tuple[int, int, int], head: Head, weights: str | None = None
) -> keras.Model:
    """WRN-depth-factor, depth = 6n + 4: a 3x3 convolution, three groups of n blocks, batch norm, ReLU, a Dense head.

    The groups are ``factor`` times 16, 32 and 64 channels wide, and the second and third halve the map. Input float32
    (batch, *input_shape) in [0, 1]; output what ``head`` makes of the features. ``weights`` is None or a file of
    the same network. Raises UserError for another depth or factor, and for weights that do not fit.
    """
    name = f"wrn_{depth}_{factor}"
    if depth < 10 or depth % 6 != 4 or factor < 1:
        raise UserError(
            f"{name}: a wide ResNet has 6n + 4 layers (10, 16, 22, ...) and a widening factor of at least 1"
        )
    image = keras.Input(input_shape)
    x = cifar.conv(image, 16, 3, "conv1")
    for group, width in enumerate(WIDTHS, start=1):
        for number in range(1, (depth - 4) // 6 + 1):
            stride = 2 if group > 1 and number == 1 else 1
            x = block(x, width * factor, stride, f"group{group}_block{number}")
    x = cifar.relu(cifar.batch_norm(x, "bn"), "relu")
    return cifar.network(image, cifar.pooled(x), head, name, weights)


def block(x: Any, width: int, stride: int, name: str) -> keras.KerasTensor:
    """x + conv(relu(bn(conv(relu(bn(x)))))): two 3x3 convolutions, each behind its batch norm and ReLU.

    That is the order of He et al., 2016, "Identity Mappings in Deep Residual Networks", figure 1b. Where the
    width or the size changes, a 1x1 convolution of relu(bn(x)), which both paths then share, stands for x.
    """
    y = _bn_relu(x, f"{name}_1")
    if stride != 1 or x.shape[-1] != width:
        x = cifar.conv(y, width, 1, f"{name}_0_conv", stride)
    y = cifar.conv(y, width, 3, f"{name}_1_conv", stride)
    y = cifar.conv(_bn_relu(y, f"{name}_2"), width, 3, f"{name}_2_conv")
    return keras.layers.Add(name=f"{name}_add")([x, y])


def _bn_relu(x: Any, name: str) -> Any:
    return cifar.relu(cifar.batch_norm(x, f"{name}_bn"), f"{name}_relu")
