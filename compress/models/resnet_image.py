"""ResNets for images of any size (He et al., 2016, "Deep Residual Learning for Image Recognition", section 4.1) with 10
or 18 layers, and with a part of the channels, for small machines."""

from __future__ import annotations

from compress import keras
from compress.models import cifar
from compress.models.head import Head
from compress.models.resnet_cifar import basic_block, conv_bn

WIDTHS = (64, 128, 256, 512)
BLOCKS = {10: 1, 18: 2}  # layers -> blocks of each of the four stages
PARTS = {"": 1.0, "_1_2": 0.5, "_1_4": 0.25}


def build(
    depth: int, part: str, input_shape: tuple[int, int, int], head: Head, weights: str | None = None
) -> keras.Model:
    """A 3x3 convolution of stride 2 and four stages of basic blocks, each of which halves the sides: the last map has a
    cell for 32x32 pixels.

    The 7x7 convolution and the pool of the paper's stem are that 3x3 convolution and the first stage's stride.
    ``part`` is a name of PARTS. Input float32 (batch, *input_shape) in [0, 1]; output what ``head`` makes of the
    features. ``weights`` is None or a file of the same network; raises UserError for one that does not fit.
    """
    name, widths = f"resnet{depth}{part}", [int(width * PARTS[part]) for width in WIDTHS]
    image = keras.Input(input_shape)
    x = cifar.relu(conv_bn(image, widths[0], 3, 2, "conv1"), "conv1_relu")
    for stage, width in enumerate(widths, start=1):
        for block in range(1, BLOCKS[depth] + 1):
            x = basic_block(x, width, 2 if block == 1 else 1, f"stage{stage}_block{block}")
    return cifar.network(image, cifar.pooled(x), head, name, weights)
