"""What networks of the registry end in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from compress import keras


class Head(Protocol):
    """From features, (batch, features), to the network's outputs, in layers of Keras.

    With one of ``STRIDES`` from a map of features, (batch, height, width, features), with a cell for so many pixels
    along a side, or for fewer where a network has no such map; with several from a list of such maps, one for each.
    """

    STRIDES: ClassVar[tuple[int, ...]]

    def __call__(self, features: Any, stride: int = 1) -> Any:
        """``stride``: how many pixels of the image are one of the only map, along a side."""
        ...


@dataclass(frozen=True)
class DenseHead:
    """A dense layer "predictions" of so many units, then scale * x + offset where they are given, one a unit."""

    units: int
    scale: Sequence[float] | None = None
    offset: Sequence[float] | None = None
    STRIDES: ClassVar[tuple[int, ...]] = ()

    def __call__(self, features: Any, stride: int = 1) -> Any:
        outputs = keras.layers.Dense(self.units, name="predictions")(features)
        if self.scale is None or self.offset is None:
            return outputs
        scale, offset = [float(s) for s in self.scale], [float(o) for o in self.offset]
        return keras.layers.Rescaling(scale, offset, name="in_units")(outputs)


@dataclass(frozen=True)
class DensityHead:
    """A 1x1 convolution "density" to one number a cell, in multiples of the density that is usual, then that density:
    ``usual`` points a pixel."""

    usual: float
    STRIDES: ClassVar[tuple[int, ...]] = (8,)

    def __call__(self, features: Any, stride: int = 1) -> Any:
        multiples = keras.layers.Conv2D(1, 1, name="density")(features)
        return keras.layers.Rescaling(float(self.usual * stride**2), name="in_units")(multiples)


def dense(units: int, scale: Sequence[float] | None = None, offset: Sequence[float] | None = None) -> Head:
    """See ``DenseHead``."""
    return DenseHead(units, scale, offset)
