"""What a registered network is: a function that builds it."""

from __future__ import annotations

from typing import Protocol

from compress import keras
from compress.models.head import Head


class Builder(Protocol):
    """(shape, head, weights) -> network.

    ``shape`` is (height, width, channels). The network reads float32 (batch, *shape), of images in [0, 1], and gives
    what ``head`` makes of its features, float32 (batch, features). ``weights`` is None, "imagenet" or the path to
    weights of the same network. Raises UserError for a shape that the network refuses, and weights that cannot be had
    or do not fit.
    """

    def __call__(self, input_shape: tuple[int, int, int], head: Head, weights: str | None = None) -> keras.Model: ...
