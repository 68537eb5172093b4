"""MCNN, which counts crowds by three columns of kernels of different sizes.

Zhang, Zhou, Chen, Gao and Ma, "Single-Image Crowd Counting via Multi-Column Convolutional Neural Network", CVPR 2016.
"""

from __future__ import annotations

from typing import Any

from compress import keras
from compress.models import weights as weight_files
from compress.models.head import Head

NAME, STRIDE = "mcnn", 4
# column -> (side of the kernel, channels); a maximum pool behind each of the first two
COLUMNS = {
    "large": ((9, 16), (7, 32), (7, 16), (7, 8)),
    "medium": ((7, 20), (5, 40), (5, 20), (5, 10)),
    "small": ((5, 24), (3, 48), (3, 24), (3, 12)),
}


def build(input_shape: tuple[int, int, int], head: Head, weights: str | None = None) -> keras.Model:
    """Three columns of four convolutions and two pools each, side by side, then ``head`` of their 30 channels.

    Input float32 (batch, *input_shape) in [0, 1], grey or RGB; output what ``head`` makes of a map at a quarter of the
    image's sides. 127,953 parameters for grey images with a density head, 133,705 for RGB. The last layer has no ReLU,
    which could die. ``weights`` is None or a file of the same network. Sides have to be multiples of 4.
    """
    image = keras.Input(input_shape)
    columns = [_column(image, name, kernels) for name, kernels in COLUMNS.items()]
    features = keras.layers.Concatenate(name="columns")(columns)
    model = keras.Model(image, head(features, STRIDE), name=NAME)
    if weights is not None:
        weight_files.load(model, weights)
    return model


def _column(x: Any, name: str, kernels: tuple[tuple[int, int], ...]) -> Any:
    for number, (side, channels) in enumerate(kernels, start=1):
        x = keras.layers.Conv2D(
            channels, side, padding="same", kernel_initializer="he_normal", name=f"{name}_conv{number}"
        )(x)
        x = keras.layers.ReLU(name=f"{name}_relu{number}")(x)
        if number <= 2:
            x = keras.layers.MaxPooling2D(name=f"{name}_pool{number}")(x)
    return x
