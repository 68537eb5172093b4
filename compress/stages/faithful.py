"""Where a .tflite file begins to compute something else than the network that it was made of."""

from pathlib import Path
from typing import Any

import numpy as np

from compress.compare import compare, look_into
from compress.datasets import Split
from compress.errors import Failure, UserError
from compress.evaluate import TFLitePredictor

IMAGES = 16  # on which the layers are compared where the outputs are not equal
# of a layer that computes what its network's does; measured: 125 and more, 61 and more, 58 and more
FEWEST_DECIBELS = {"float32": 90.0, "float16": 40.0, "int8": 40.0}
LEAST = 20.0


class Unfaithful(Failure):
    """The .tflite does not compute what the Keras network computes."""


def where_it_begins(network: Any, file: Path, images: Split, precision: str) -> str | None:
    """The first layer, in order of computation, of which the file by itself computes something else, in words.

    None where every layer computes what the network's does: then rounding alone, which a network may enlarge from layer
    to layer, is between the two. "" where no layer can be named.
    """
    few = images.read(np.arange(min(IMAGES, len(images))))
    try:
        comparison = compare(*look_into(network, TFLitePredictor(file)), [few])
    except UserError:  # no layer in common, or none that can be looked at
        return ""
    first = comparison.begins(FEWEST_DECIBELS.get(precision, LEAST))
    if first is not None:
        return f"; it begins in {first.name}, whose own signal-to-noise ratio is {first.own_snr:.0f} dB"
    return "" if comparison.alone or comparison.guessed else None
