"""Regression: numbers of an image, each in its own unit."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal, Self

import numpy as np

from compress import keras
from compress.config import Positive, config
from compress.datasets import Dataset
from compress.datasets.images import Fitted
from compress.errors import UserError
from compress.metrics import regression
from compress.models import ends
from compress.models.head import dense
from compress.results import Metric
from compress.targets import Quantities
from compress.tasks.answers import Answers
from compress.tasks.base import Arrays, Departure, Head, Output, Tensors
from compress.tasks.difference import Bounds, Difference
from compress.tasks.single_output import by_name, only, width_of

BOUNDS = Bounds(
    unit="of the targets' deviation",
    float32=1e-4,
    typical={"float16": 0.005, "int8": 0.05},
    far=0.2,
    note="on the average image, the file's numbers differ from the network's by {:.2f} standard deviations",
)
TOLERANCE = {"float32": 1e-3, "float16": 1e-3, "int16x8": 1e-3, "int8": 0.05, "dynamic": 0.05}  # of a deviation
EXTREMES = 10  # examples at either end of a number that ranges are measured on
MOST_POINTS = 500  # of the plot in the report


@config
class Regression:
    """Numbers for each image. They are learned in standard deviations of the training targets, and given in their own
    units."""

    name: Literal["regression"] = "regression"
    loss_function: Literal["mean_squared", "huber"] = "mean_squared"
    """Loss function: the mean squared error, or the Huber loss, which is less sensitive to outliers."""
    huber_delta: Positive = 1.0
    """Error, in standard deviations of the target, above which the Huber loss is linear instead of quadratic."""
    scale: tuple[float, ...] | None = None
    """Standard deviation of each number, in its own unit. Default: measured on the training targets."""
    offset: tuple[float, ...] | None = None
    """Mean of each number, in its own unit. Default: measured on the training targets."""

    METRICS: ClassVar[tuple[Metric, ...]] = (
        Metric("mae", "mean absolute error", "", 1.0, None, "lower"),
        Metric("rmse", "root mean squared error", "", 1.0, None, "lower"),
        Metric("r2", "R2", "", 1.0, 4),
    )
    CLOSENESS: ClassVar[Metric] = Metric("difference", "difference", "% of a deviation", 100.0, 2, "lower")
    OUTPUTS: ClassVar[tuple[Output, ...]] = (Output("numbers", "numbers", "numbers in the units of the targets"),)
    ALSO_IN_FILES: ClassVar[tuple[tuple[str, ...], ...]] = ()
    SUMS: ClassVar[Mapping[str, str]] = {}
    ALSO_LEARNED: ClassVar[tuple[str, ...]] = ()
    READ_WITH: ClassVar[tuple[str, ...]] = ()
    PICTURE: ClassVar[str] = ""
    DRAWN_UNASKED: ClassVar[bool] = False

    def fitted(self, data: Dataset, learns: bool = True) -> Self:
        targets = data.train.targets
        if not isinstance(targets, Quantities):
            raise UserError(f"{data.name} has no numbers as targets, which regression needs")
        values = targets.values.astype(np.float64)
        scale = self.scale or tuple(map(float, values.std(axis=0)))
        offset = self.offset or tuple(map(float, values.mean(axis=0)))
        width = values.shape[1]
        if len(scale) != width or len(offset) != width:
            raise UserError(f"[task] scale and offset need {width} numbers each, one for each target of {data.name}")
        if learns and (flat := [name for name, size in zip(data.label_names, scale, strict=True) if size <= 0]):
            raise UserError(
                f"{data.name}: {flat[0]} has the same value for every training image, so there is nothing to learn"
            )
        return replace(self, scale=tuple(size or 1.0 for size in scale), offset=offset)

    def head(self, data: Dataset) -> Head:
        return dense(len(data.label_names), self.scale, self.offset)

    def own_end(self, network: Any, name: str) -> Any:
        if ends.is_softmax(network):
            raise UserError(f"{name} ends in a softmax, so it gives class probabilities; regression needs numbers")
        return ends.as_row(network)

    def check_outputs(self, shapes: Mapping[str, tuple[int | None, ...]], name: str, width: int | None) -> None:
        own = width_of(shapes)
        if own < 1 or (width is not None and own != width):
            wanted = "" if width is None else f", but the data have {width} numbers"
            raise UserError(
                f"{name} gives outputs of shape {only(shapes)[1:]}{wanted}: regression needs one output per number"
            )

    def loss(self, outputs: Tensors, targets: Tensors, weight: float = 1.0) -> Any:
        """Mean over the batch and the numbers of d^2, or of Huber's function (Huber, 1964) of d: d^2 / 2 up to delta,
        delta * (|d| - delta / 2) from there on; d is the error in deviations.
        """
        tf = keras.tf
        errors = self._in_deviations(outputs["numbers"] - targets["values"])
        if self.loss_function == "huber":
            size = tf.abs(errors)
            inside = tf.minimum(size, self.huber_delta)
            return weight * tf.reduce_mean(inside * (size - 0.5 * inside))
        return weight * tf.reduce_mean(tf.square(errors))

    def logs(self, outputs: Tensors, targets: Tensors) -> dict[str, Any]:
        return {"mae": keras.tf.reduce_mean(keras.tf.abs(outputs["numbers"] - targets["values"]))}

    def in_deviations(self, outputs: Tensors) -> Tensors:
        return {"numbers": self._in_deviations(outputs["numbers"])}

    def from_file(self, outputs: Arrays, ends_in: str = "") -> Arrays:
        return {"numbers": only(outputs)}

    def score(self, outputs: Arrays, targets: Arrays) -> float:
        return float(regression.mae(outputs["numbers"], targets["values"]).mean())

    def lacks(self, targets: Arrays) -> str:
        return ""

    def measure(
        self, outputs: Arrays, targets: Arrays, validation_outputs: Arrays, validation_targets: Arrays
    ) -> dict[str, float | None]:
        return regression.measure(outputs, targets)

    def details(self, outputs: Arrays, targets: Arrays) -> dict[str, Any]:
        """Some true and predicted numbers for a plot, and the errors of each number by itself."""
        numbers, values = outputs["numbers"], targets["values"]
        some = np.linspace(0, len(values) - 1, min(len(values), MOST_POINTS)).astype(int)
        return {
            "points": {"true": values[some].tolist(), "predicted": numbers[some].tolist()},
            "numbers": {
                "mae": regression.mae(numbers, values).tolist(),
                "rmse": regression.rmse(numbers, values).tolist(),
                "bias": (numbers.astype(np.float64) - values).mean(axis=0).tolist(),
            },
        }

    def close(self, outputs: Arrays, others: Arrays) -> float:
        """The mean absolute difference, in deviations."""
        return float(np.abs(self._in_deviations(outputs["numbers"] - others["numbers"])).mean())

    def departure(self, wanted: Arrays, got: Arrays, targets: Arrays, precision: str) -> Departure:
        """In deviations of the targets; a float32 file may be off by more where the numbers themselves are many
        deviations large, as float sums round with the size of what is summed."""
        own, of_file = (self._in_deviations(np.asarray(outputs["numbers"], np.float64)) for outputs in (wanted, got))
        difference = Difference.of(own, of_file, BOUNDS)
        return Departure(difference.facts(), difference.reason(own, precision), difference.note())

    def calibration_rows(self, targets: Arrays) -> np.ndarray:
        """The examples of the smallest and of the largest values of each number."""
        order = np.argsort(targets["values"], axis=0, kind="stable")
        return np.unique(np.concatenate([order[:EXTREMES], order[-EXTREMES:]]))

    def tolerance(self, precision: str) -> float | list[float]:
        return [TOLERANCE[precision] * scale for scale in self.scale or (1.0,)]

    def answers(self, outputs: Arrays, targets: Arrays) -> Answers | None:
        """None: an error says nothing of pixels until it is known how large it should be."""
        return None

    def chance(self, targets: Arrays) -> float:
        return 0.0

    def ignorance(self, outputs: Arrays, targets: Arrays) -> str:
        values = targets["values"]
        varies = np.ptp(values, axis=0) > 0  # a number that is the same everywhere is predicted best by its mean
        explained = regression.r2(outputs["numbers"], values)[varies]
        told = f"predicts the numbers of {len(values)} validation images no better than their mean does"
        return told if len(explained) and not explained.mean() > 0 else ""

    def collapse(self, outputs: Arrays, targets: Arrays) -> str:
        moves = self._in_deviations(np.asarray(outputs["numbers"], np.float64).std(axis=0))
        return "gives the same numbers for every test image" * bool(np.max(moves) < 0.01)

    def picture(self, outputs: Arrays, image: Fitted, label_names: tuple[str, ...]) -> np.ndarray | None:
        return None

    def describe(
        self, outputs: Arrays, label_names: tuple[str, ...], top: int, images: Sequence[Fitted] | None = None
    ) -> list[str]:
        """Each number with its name."""
        return [
            ", ".join(f"{name} {value:.4g}" for name, value in zip(label_names, row, strict=True))
            for row in outputs["numbers"]
        ]

    def as_json(
        self, outputs: Arrays, label_names: tuple[str, ...], images: Sequence[Fitted] | None = None
    ) -> list[dict[str, Any]]:
        """``numbers`` by their names."""
        return [{"numbers": by_name(label_names, row)} for row in outputs["numbers"]]

    def _in_deviations(self, numbers: Any) -> Any:
        return numbers / np.asarray(self.scale or (1.0,), np.float32)
