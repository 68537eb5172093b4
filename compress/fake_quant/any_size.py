"""Layers whose result fits images of any size, of which they are told none: means of cells, and enlarging. Loads
TensorFlow. (``rewrite.layers`` has the plain layers that compute the same for images of one size.)"""

from typing import Any

from compress import keras

tf = keras.tf


@keras.utils.register_keras_serializable("jetslim")
class CellMeans(keras.layers.Layer):
    """The means of about ``cells`` x ``cells`` equal parts of a map: (n, h, w, c) to (n, <= cells, <= cells, c).

    A side of a part is the quotient, rounded up; where the parts together are larger than the map, the outer ones at
    all borders are smaller, as those of a pool with the padding "same".
    """

    def __init__(self, cells: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cells = cells

    def sides(self, shape: Any) -> tuple[int, int]:
        """Of a part of a map (n, height, width, channels)."""
        return -(-shape[1] // self.cells), -(-shape[2] // self.cells)

    def call(self, inputs: Any) -> Any:
        sides = self.sides(inputs.shape)
        return tf.nn.avg_pool2d(inputs, sides, sides, "SAME")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cells": self.cells}


@keras.utils.register_keras_serializable("jetslim")
class EnlargedLike(keras.layers.Layer):
    """The first map, of ``cells`` that ``CellMeans`` made, bilinearly at the height and width of the second."""

    def factors(self, shapes: Any) -> tuple[int, int]:
        """How many times higher and wider the map becomes, before what is too much is cut off."""
        part, whole = shapes
        return -(-whole[1] // part[1]), -(-whole[2] // part[2])

    def surplus(self, shapes: Any) -> tuple[tuple[int, int], tuple[int, int]]:
        """What is cut off above and below, and to the left and right: what ``CellMeans`` had put there."""
        part, whole = shapes
        down, right = (part[axis] * factor - whole[axis] for axis, factor in enumerate(self.factors(shapes), start=1))
        return (down // 2, down - down // 2), (right // 2, right - right // 2)

    def call(self, inputs: Any) -> Any:
        part, whole = inputs
        down, right = self.factors([part.shape, whole.shape])
        enlarged = tf.image.resize(part, (part.shape[1] * down, part.shape[2] * right))
        (top, _), (left, _) = self.surplus([part.shape, whole.shape])
        return enlarged[:, top : top + whole.shape[1], left : left + whole.shape[2]]
