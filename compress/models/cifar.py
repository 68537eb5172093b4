"""What the networks for 32x32 images share: their layers, as the reference codes set them, and their head."""

from __future__ import annotations

from typing import Any

from compress import keras
from compress.models import weights as weight_files
from compress.models.head import Head


def conv(
    x: Any, width: int, kernel: int, name: str, stride: int = 1, groups: int = 1, bias: bool = False
) -> keras.KerasTensor:
    """A convolution whose kernel starts from He's normal distribution by fan-out (He et al., 2015, equation 14).

    Padding is "same": with stride 2 Keras pads bottom and right only, where PyTorch pads all around (same sizes and
    counts, not the same numbers).
    """
    layer = keras.layers.Conv2D(
        width,
        kernel,
        stride,
        padding="same",
        groups=groups,
        use_bias=bias,
        kernel_initializer=_he(),
        name=name,
    )
    return layer(x)


def depthwise(x: Any, kernel: int, stride: int, name: str) -> keras.KerasTensor:
    """A convolution of each channel by itself, initialised and padded as ``conv``."""
    layer = keras.layers.DepthwiseConv2D(
        kernel, stride, padding="same", use_bias=False, depthwise_initializer=_he(), name=name
    )
    return layer(x)


def batch_norm(x: Any, name: str) -> keras.KerasTensor:
    """Momentum 0.9, epsilon 1e-5: PyTorch's defaults, by which these networks were published."""
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)(x)


def relu(x: Any, name: str) -> keras.KerasTensor:
    return keras.layers.Activation("relu", name=name)(x)


def pooled(x: Any) -> keras.KerasTensor:
    """(batch, channels): the mean over the last map, 8x8 or 4x4 of a 32x32 image."""
    return keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)


def network(image: Any, features: Any, head: Head, name: str, weights: str | None) -> keras.Model:
    """The network from ``image`` through ``features`` (batch, n) to what ``head`` makes of them.

    ``weights`` is None or a file of the same network. Raises UserError for weights that do not fit.
    """
    weight_files.refuse_imagenet(name, weights)
    model = keras.Model(image, head(features), name=name)
    if weights is not None:
        weight_files.load(model, weights)
    return model


def _he() -> Any:
    return keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")
