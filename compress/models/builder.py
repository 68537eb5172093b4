"""What a registered network is: a function that builds it."""

from __future__ import annotations

from typing import Protocol

from compress import keras


class Builder(Protocol):
    """(shape, classes, weights) -> network.

    ``shape`` is (height, width, channels). The network reads float32 (batch, *shape), of images in [0, 1], and gives
    float32 logits (batch, classes), from a layer called "predictions". ``weights`` is None, "imagenet" or the path to
    weights of the same network. Raises UserError for a shape that the network refuses, and weights that cannot be had
    or do not fit.
    """

    def __call__(self, input_shape: tuple[int, int, int], classes: int, weights: str | None = None) -> keras.Model: ...
