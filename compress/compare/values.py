"""What the layers of a network give, whether it is a Keras network or a .tflite file."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass
class Value:
    """What one layer computes, or several that are one operator; what only moves values is none."""

    layers: tuple[str, ...]
    """Names in order of computation, as in the folded network where it is known."""
    kind: str
    precision: str
    """The type that it is computed in: "float32", "int8", ..."""
    size: int
    """Numbers an image."""
    sources: frozenset[int]
    """Positions of the values that it is computed from; none where that is the image."""


class Values(Protocol):
    """A network that shows what its layers give: arrays in the order of ``values``, float32 (images, ...)."""

    values: list[Value]
    """In order of computation."""
    output: int
    """The position of the logits."""
    quantized: bool
    folded: bool
    """Whether layers are called as in the folded network, where ``keep_float`` looks for them."""

    def __call__(self, images: np.ndarray) -> list[np.ndarray]:
        """Each value for uint8 (n, h, w, 3) images."""
        ...

    def each_from(self, images: np.ndarray, given: dict[int, np.ndarray]) -> list[np.ndarray] | None:
        """Each value as its layer computes it from values that others have ``given``, by position; its own are used
        where none is. None where layers cannot be run by themselves."""
        ...
