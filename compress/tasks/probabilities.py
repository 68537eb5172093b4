"""What tasks share whose networks emit logits, and whose files give probabilities."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from compress.datasets import Dataset
from compress.datasets.images import Fitted
from compress.models.head import Head, dense
from compress.tasks.base import Arrays, Tensors
from compress.tasks.difference import Bounds

MOST_TYPICAL = {"float16": 0.005, "int8": 0.01}  # what rounding may make of a probability without being looked into
BOUNDS = Bounds(
    unit="in a probability",
    float32=1e-4,  # measured: 1e-5 at most (docs/decisions/0021)
    typical=MOST_TYPICAL,
    far=0.1,
    note="on the average image, the file's probabilities differ from the network's by {:.2f}",
)
# another runtime rounds some int8 logits by one step, 0.2 at most in a trained network, and a step of the logits moves
# a probability by a quarter of it
TOLERANCE = {"float32": 1e-3, "float16": 1e-3, "int16x8": 1e-3, "int8": 0.05, "dynamic": 0.05}


class OfLogits:
    """The part of a ``Task`` that is the same for every one with a logit for each class."""

    ALSO_IN_FILES: ClassVar[tuple[tuple[str, ...], ...]] = ()
    SUMS: ClassVar[Mapping[str, str]] = {}
    ALSO_LEARNED: ClassVar[tuple[str, ...]] = ()
    READ_WITH: ClassVar[tuple[str, ...]] = ()
    PICTURE: ClassVar[str] = ""
    DRAWN_UNASKED: ClassVar[bool] = False

    def head(self, data: Dataset) -> Head:
        return dense(len(data.label_names))

    def in_deviations(self, outputs: Tensors) -> Tensors:
        return outputs

    def calibration_rows(self, targets: Arrays) -> np.ndarray:
        return np.empty(0, np.int64)  # a logit that is cut off changes no class

    def tolerance(self, precision: str) -> float | list[float]:
        return TOLERANCE[precision]

    def picture(self, outputs: Arrays, image: Fitted, label_names: tuple[str, ...]) -> np.ndarray | None:
        return None
