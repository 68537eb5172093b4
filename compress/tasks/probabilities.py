"""How far the probabilities of a .tflite file may be from those of the network that it was made of."""

from dataclasses import dataclass
from typing import Self

import numpy as np

LEFT_OUT = 2  # images on which int8 rounding may decide otherwise (docs/decisions/0006)
MOST_FLOAT = 1e-4  # of a probability; measured: 1e-5 at most (docs/decisions/0021)
MOST_TYPICAL = {"float16": 0.005, "int8": 0.01}  # what rounding may make of a probability without being looked into
# another runtime rounds some int8 logits by one step, 0.2 at most in a trained network, and a step of the logits moves
# a probability by a quarter of it
TOLERANCE = {"float32": 1e-3, "float16": 1e-3, "int16x8": 1e-3, "int8": 0.05, "dynamic": 0.05}
FAR = 0.1  # of a probability: what the converter quantized is told to the user then


@dataclass(frozen=True)
class Difference:
    """Of probabilities: the largest of any class for each image, over all images.

    ``typical`` is the mean without the two images that differ most.
    """

    mean: float
    typical: float
    largest: float

    @classmethod
    def of(cls, wanted: np.ndarray, got: np.ndarray) -> Self:
        """Of the probabilities of a network and of its file, each (n, classes)."""
        each = np.sort(np.abs(wanted - got).max(axis=-1))
        typical = each[: max(1, len(each) - LEFT_OUT)]
        return cls(float(each.mean()), float(typical.mean()), float(each[-1]))

    def facts(self) -> dict[str, float]:
        """For stage.json and model.json."""
        return {"mean_difference": round(self.mean, 9), "largest_difference": round(self.largest, 9)}

    def note(self) -> str:
        """What a user should know of a file that is far from its network; "" for nothing."""
        told = f"probabilities of model.tflite are {self.typical:.2f} from the network's on the average image"
        return told if self.typical > FAR else ""

    def reason(self, logits: np.ndarray, precision: str) -> str:
        """Why a file of this precision is not faithful, in words; "" if it is, or if the precision has no bound.

        Float sums round with the size of what is summed: the bound of float32 grows with the logits.
        """
        if precision == "float32":
            most = MOST_FLOAT * max(1.0, float(np.abs(logits).max()) / 10)
            if self.largest <= most:
                return ""
            return (
                f"model.tflite and the Keras network differ by {self.largest:.2g} in a probability (at most {most:.1g})"
            )
        most = MOST_TYPICAL.get(precision, np.inf)
        if self.typical <= most:
            return ""
        return (
            f"model.tflite and the Keras network differ by {self.typical:.3f} in a probability, on the average image "
            f"(at most {most:g})"
        )


def tolerated(fraction: float, images: int) -> float:
    """How many of so many images may come out differently; two always may.

    An int8 kernel rounds ties its own way: of a few hundred images one or two lie so near a boundary that this
    decides, and of 359 images 0.5 points are less than two (docs/decisions/0006).
    """
    return max(float(LEFT_OUT), fraction * images) + 1e-6  # for the rounding of the fractions
