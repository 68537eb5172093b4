"""How far the probabilities of a .tflite file may be from those of the network that it was made of."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from compress.compare import compare, look_into
from compress.datasets import Split
from compress.errors import Failure, UserError
from compress.evaluate import TFLitePredictor, probabilities

LEFT_OUT = 2  # images on which int8 rounding may decide otherwise (docs/decisions/0006)
IMAGES = 16  # on which the layers are compared where the outputs are not equal
MOST_FLOAT = 1e-4  # of a probability; measured: 1e-5 at most (docs/decisions/0021)
MOST_TYPICAL = {"float16": 0.005, "int8": 0.01}  # what rounding may make of a probability without being looked into
# of a layer that computes what its network's does; measured: 125 and more, 61 and more, 58 and more
FEWEST_DECIBELS = {"float32": 90.0, "float16": 40.0, "int8": 40.0}
LEAST = 20.0


class Unfaithful(Failure):
    """The .tflite does not compute what the Keras network computes."""


@dataclass(frozen=True)
class Difference:
    """Of probabilities: the largest of any class for each image, over all images.

    ``typical`` is the mean without the two images that differ most.
    """

    mean: float
    typical: float
    largest: float

    def facts(self) -> dict[str, float]:
        """For stage.json and model.json."""
        return {"mean_difference": round(self.mean, 9), "largest_difference": round(self.largest, 9)}


def difference(logits: np.ndarray, outputs: np.ndarray, are_logits: bool) -> Difference:
    """Of the softmax of a network's ``logits`` and what its file gives, each (n, classes)."""
    got = probabilities(outputs) if are_logits else outputs
    each = np.sort(np.abs(probabilities(logits) - got).max(axis=-1))
    typical = each[: max(1, len(each) - LEFT_OUT)]
    return Difference(float(each.mean()), float(typical.mean()), float(each[-1]))


def departure(found: Difference, logits: np.ndarray, form: str) -> str:
    """Why a file of this form is not faithful, in words; "" if it is, or if the form has no bound.

    Float sums round with the size of what is summed: the bound of float32 grows with the logits.
    """
    if form == "float32":
        most = MOST_FLOAT * max(1.0, float(np.abs(logits).max()) / 10)
        if found.largest <= most:
            return ""
        return f"model.tflite and the Keras network differ by {found.largest:.2g} in a probability (at most {most:.1g})"
    most = MOST_TYPICAL.get(form, np.inf)
    if found.typical <= most:
        return ""
    return (
        f"model.tflite and the Keras network differ by {found.typical:.3f} in a probability, on the average image "
        f"(at most {most:g})"
    )


def where_it_begins(network: Any, file: Path, images: Split, form: str) -> str | None:
    """The first layer, in order of computation, of which the file by itself computes something else, in words.

    None where every layer computes what the network's does: then rounding alone, which a network may enlarge from layer
    to layer, is between the two. "" where no layer can be named.
    """
    few = images.read(np.arange(min(IMAGES, len(images))))
    try:
        found = compare(*look_into(network, TFLitePredictor(file)), [few])
    except UserError:  # no layer in common, or none that can be looked at
        return ""
    first = found.begins(FEWEST_DECIBELS.get(form, LEAST))
    if first is not None:
        return f"; it begins in {first.name}, whose own signal-to-noise ratio is {first.own_snr:.0f} dB"
    return "" if found.alone or found.guessed else None
