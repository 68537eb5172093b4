"""What networks of the registry end in: a function from features, (batch, features), to the network's output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from compress import keras

Head = Callable[[Any], Any]
"""Features of a network, (batch, features) -> its output, in layers of Keras."""


def dense(units: int, scale: Sequence[float] | None = None, offset: Sequence[float] | None = None) -> Head:
    """A dense layer "predictions" of so many units, then scale * x + offset where they are given, one a unit."""

    def head(features: Any) -> Any:
        outputs = keras.layers.Dense(units, name="predictions")(features)
        if scale is None or offset is None:
            return outputs
        return keras.layers.Rescaling([float(s) for s in scale], [float(o) for o in offset], name="in_units")(outputs)

    return head
