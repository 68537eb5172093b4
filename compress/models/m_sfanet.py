"""M-SFANet, a large network that counts crowds: an encoder, context at two depths, and two decoders, one of which says
where people are and the other how many.

Thanasutives, Fukui, Numao and Kijsirikul, "Encoder-Decoder Based Convolutional Neural Networks with Multi-Scale-Aware
Modules for Crowd Counting", ICPR 2020. The encoder is VGG16 with batch norms (Simonyan and Zisserman, 2015); the
context module that of Liu, Salzmann and Fua, "Context-Aware Crowd Counting", CVPR 2019; the pyramid of dilated
convolutions that of Chen et al., "Rethinking Atrous Convolution for Semantic Image Segmentation", 2017.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from compress import keras
from compress.models import weights as weight_files
from compress.models.head import Head

NAME, STRIDE, MULTIPLE = "m_sfanet", 2, 16
ATTENTION = "attention"
"""The layer whose output, in (0, 1), says where people are: (batch, height / 2, width / 2, 1)."""
WIDTHS = {NAME: 1.0, f"{NAME}_1_2": 0.5, f"{NAME}_1_4": 0.25, f"{NAME}_1_8": 0.125}
BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # (channels, convolutions) of VGG16
CONTEXT_CELLS = (1, 2, 3, 6)
DILATIONS = (6, 12, 18)
DROPOUT = 0.5
"""Of the whole network; less with fewer channels, in which it makes variances of batch norms larger in training than in
inference (Li et al., "Understanding the Disharmony between Dropout and Batch Normalization by Variance Shift", 2019),
and so counts too small or too large."""


def build(name: str, input_shape: tuple[int, int, int], head: Head, weights: str | None = None) -> keras.Model:
    """The network of that ``name``, with its part of the channels (WIDTHS), then ``head`` of 32 features, or fewer.

    Input float32 (batch, *input_shape) in [0, 1]; output what ``head`` makes of a map at half the image's sides. The
    whole one has 22,904,390 trainable parameters with a density head. ``weights`` is None or a file of the same
    network. Sides have to be multiples of 16.
    """
    of = partial(_channels, WIDTHS[name])
    image = keras.Input(input_shape)
    x, stages = image, []
    for block, (channels, count) in enumerate(BLOCKS, start=1):
        for number in range(1, count + 1):
            x = _conv(x, of(channels), 3, f"block{block}_{number}")
        stages.append(x)
        if block < len(BLOCKS):
            x = keras.layers.MaxPooling2D(name=f"block{block}_pool")(x)
    _, half, quarter, eighth, sixteenth = stages
    eighth, sixteenth = _context(eighth, of(512)), _pyramid(sixteenth, of(256), DROPOUT * WIDTHS[name])
    decode = partial(_decoder, half, quarter, eighth, sixteenth, of)
    attention = keras.layers.Conv2D(1, 1, name="attention_conv")(decode("attention"))
    attention = keras.layers.BatchNormalization(name="attention_bn")(attention)
    attention = keras.layers.Activation("sigmoid", name=ATTENTION)(attention)
    features = keras.layers.Multiply(name="attended")([decode("density"), attention])
    model = keras.Model(image, head(features, STRIDE), name=name)
    if weights is not None:
        weight_files.load(model, weights)
    return model


def _channels(width: float, channels: int) -> int:
    return max(4, round(width * channels))


def _conv(x: Any, channels: int, side: int, name: str, bias: bool = True, dilation: int = 1) -> Any:
    """A convolution, a batch norm and a ReLU."""
    x = keras.layers.Conv2D(channels, side, padding="same", use_bias=bias, dilation_rate=dilation, name=f"{name}_conv")(
        x
    )
    return keras.layers.ReLU(name=f"{name}_relu")(keras.layers.BatchNormalization(name=f"{name}_bn")(x))


def _context(x: Any, channels: int) -> Any:
    """For each place the means of its surroundings, at four scales, each counting by how far it is from the place."""
    from compress.fake_quant import CellMeans, EnlargedLike

    weigh = keras.layers.Conv2D(channels, 1, activation="sigmoid", name="context_weight")
    weighted, weights = [], []
    for cells in CONTEXT_CELLS:
        name = f"context{cells}"
        means = CellMeans(cells, name=f"{name}_means")(x)
        scale = keras.layers.Conv2D(channels, 1, use_bias=False, name=f"{name}_conv")(means)
        scale = EnlargedLike(name=f"{name}_up")([scale, x])
        weight = weigh(keras.layers.Subtract(name=f"{name}_contrast")([x, scale]))
        weighted.append(keras.layers.Multiply(name=f"{name}_weighted")([scale, weight]))
        weights.append(weight)
    total = keras.layers.Add(name="context_total")(weights)
    context = keras.layers.Add(name="context_sum")(weighted) / total
    x = keras.layers.Concatenate(name="context_join")([context, x])
    return keras.layers.ReLU(name="context_relu")(keras.layers.Conv2D(channels, 1, name="context_conv")(x))


def _pyramid(x: Any, channels: int, dropout: float) -> Any:
    """Convolutions of several dilations, and the mean of the image, side by side."""
    from compress.fake_quant import CellMeans, EnlargedLike

    parts = [_conv(x, channels, 1, "pyramid1", bias=False)]
    parts += [_conv(x, channels, 3, f"pyramid{rate}", bias=False, dilation=rate) for rate in DILATIONS]
    mean = _conv(CellMeans(1, name="pyramid_means")(x), channels, 1, "pyramid_mean", bias=False)
    parts.append(EnlargedLike(name="pyramid_up")([mean, x]))
    x = _conv(keras.layers.Concatenate(name="pyramid_join")(parts), channels, 1, "pyramid", bias=False)
    return keras.layers.Dropout(dropout, name="pyramid_dropout")(x)


def _decoder(half: Any, quarter: Any, eighth: Any, sixteenth: Any, of: Any, name: str) -> Any:
    x = keras.layers.Concatenate(name=f"{name}_join8")([_doubled(sixteenth, 2, f"{name}_up16"), eighth])
    x = _conv(_conv(x, of(256), 1, f"{name}8_1"), of(256), 3, f"{name}8_2")
    parts = [_doubled(x, 2, f"{name}_up8"), quarter, _doubled(sixteenth, 4, f"{name}_up16_4")]
    x = keras.layers.Concatenate(name=f"{name}_join4")(parts)
    x = _conv(_conv(x, of(128), 1, f"{name}4_1"), of(128), 3, f"{name}4_2")
    x = keras.layers.Concatenate(name=f"{name}_join2")([_doubled(x, 2, f"{name}_up4"), half])
    x = _conv(_conv(x, of(64), 1, f"{name}2_1"), of(64), 3, f"{name}2_2")
    return _conv(x, of(32), 3, f"{name}2_3")


def _doubled(x: Any, factor: int, name: str) -> Any:
    return keras.layers.UpSampling2D(factor, interpolation="bilinear", name=name)(x)
