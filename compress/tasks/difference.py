"""How far what a .tflite file gives may be from what the network gives that it was made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

LEFT_OUT = 2  # images on which int8 rounding may decide otherwise (docs/decisions/0006)


@dataclass(frozen=True)
class Bounds:
    """What a difference may be: ``float32`` at any image; ``typical``, by precision, on the average image.

    ``unit`` says in words what a difference is in. From ``far`` on, the average image is worth ``note``, which has
    "{:.2f}" for its difference.
    """

    unit: str
    float32: float
    typical: Mapping[str, float]
    far: float
    note: str


@dataclass(frozen=True)
class Difference:
    """The largest of any number of each image, over all images.

    ``typical`` is the mean without the two images that differ most.
    """

    mean: float
    typical: float
    largest: float
    bounds: Bounds

    @classmethod
    def of(cls, wanted: np.ndarray, got: np.ndarray, bounds: Bounds) -> Self:
        """Of what a network and its file give, each (n, numbers), in the unit of the bounds."""
        each = np.sort(np.abs(wanted - got).max(axis=-1))
        typical = each[: max(1, len(each) - LEFT_OUT)]
        return cls(float(each.mean()), float(typical.mean()), float(each[-1]), bounds)

    def facts(self) -> dict[str, float]:
        """For stage.json and model.json."""
        return {"mean_difference": round(self.mean, 9), "largest_difference": round(self.largest, 9)}

    def note(self) -> str:
        """What a user should know of a file that is far from its network; "" for nothing."""
        return self.bounds.note.format(self.typical) if self.typical > self.bounds.far else ""

    def reason(self, summed: np.ndarray, precision: str) -> str:
        """Why a file of this precision is not faithful, in words; "" if it is, or if the precision has no bound.

        Float sums round with the size of what is summed: the bound of float32 grows with ``summed``, the network's
        outputs of any shape (logits, or numbers in deviations), from 10 on.
        """
        differ = "the file and the Keras network differ by"
        if precision == "float32":
            most = self.bounds.float32 * max(1.0, float(np.abs(summed).max()) / 10)
            if self.largest <= most:
                return ""
            return f"{differ} {self.largest:.2g} {self.bounds.unit} (at most {most:.1g})"
        most = self.bounds.typical.get(precision, np.inf)
        if self.typical <= most:
            return ""
        return f"{differ} {self.typical:.3f} {self.bounds.unit}, on the average image (at most {most:g})"


def tolerated(fraction: float, images: int) -> float:
    """How many of so many images may come out differently; two always may.

    An int8 kernel rounds ties its own way: of a few hundred images one or two lie so near a boundary that this
    decides, and of 359 images 0.5 points are less than two (docs/decisions/0006).
    """
    return max(float(LEFT_OUT), fraction * images) + 1e-6  # for the rounding of the fractions
