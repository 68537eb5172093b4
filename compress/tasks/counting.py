"""Counting: a density map whose sum is how many things an image shows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal, Self

import numpy as np

from compress import keras
from compress.config import NotNegative, Positive, config
from compress.datasets import Dataset
from compress.datasets.images import Fitted, resize
from compress.errors import UserError
from compress.metrics import counting
from compress.models.head import DensityHead, Head
from compress.results import Metric
from compress.targets import Points
from compress.tasks.answers import Answers
from compress.tasks.base import Arrays, Departure, Output, Tensors
from compress.tasks.density import map_of
from compress.tasks.difference import Bounds, Difference
from compress.tasks.single_output import only

BOUNDS = Bounds(
    unit="of the mean count",
    float32=1e-4,
    typical={"float16": 0.005, "int8": 0.1},
    far=0.2,
    note="on the average image, the file's count differs from the network's by {:.2f} of the mean count",
)
TOLERANCE = {"float32": 1e-3, "float16": 1e-3, "int16x8": 1e-3, "int8": 0.05, "dynamic": 0.05}  # of the largest cell
EXTREMES = 10  # examples of the fewest and of the most points that ranges are measured on
PARTS = 5  # of the test images, by their counts, as large
MOST_POINTS = 500  # of the plot in the report
LARGEST_CELL = 100  # times the usual density: more than any cell of a map has
KNOWING = 0.9  # of the error of who says the mean count of every image: a network with more knows nothing


@config
class Counting:
    """The number of objects in an image, as the sum of a density map. The map is learned in multiples of the typical
    density of the training images, and given in objects per cell."""

    name: Literal["counting"] = "counting"
    attention_weight: NotNegative = 0.1
    """Weight of the loss on a network's attention map, if it has one: the cross-entropy with where objects are."""
    attention_threshold: Positive = 1e-3
    """Density, in objects per pixel, from which a place counts as containing objects."""
    usual_density: Positive | None = None
    """Typical density, in objects per pixel, in whose multiples the network learns. Default: measured on the training
    images."""

    METRICS: ClassVar[tuple[Metric, ...]] = (
        Metric("mae", "mean absolute error of the count", "", 1.0, None, "lower"),
        Metric("rmse", "root mean squared error of the count", "", 1.0, None, "lower"),
        Metric("bias", "mean error of the count", "", 1.0, None, ""),
    )
    CLOSENESS: ClassVar[Metric] = Metric("difference", "difference of the counts", "", 1.0, None, "lower")
    OUTPUTS: ClassVar[tuple[Output, ...]] = (Output("density", "density", "how many things are in each cell"),)
    ALSO_IN_FILES: ClassVar[tuple[tuple[str, ...], ...]] = ()
    SUMS: ClassVar[Mapping[str, str]] = {"density": "counts"}
    ALSO_LEARNED: ClassVar[tuple[str, ...]] = ("attention",)
    READ_WITH: ClassVar[tuple[str, ...]] = ()
    PICTURE: ClassVar[str] = "map"
    DRAWN_UNASKED: ClassVar[bool] = True

    def fitted(self, data: Dataset, learns: bool = True) -> Self:
        targets = data.train.targets
        if not isinstance(targets, Points):
            raise UserError(f"{data.name} has no points, which counting needs")
        if learns and not targets.counts.any():
            raise UserError(f"{data.name} has no point in any training image, so there is nothing to learn")
        density = float(targets.counts.mean() / np.prod(targets.frame))
        return replace(self, usual_density=self.usual_density or density or None)

    def head(self, data: Dataset) -> Head:
        return DensityHead(self._usual)

    def own_end(self, network: Any, name: str) -> Any:
        return network

    def check_outputs(self, shapes: Mapping[str, tuple[int | None, ...]], name: str, width: int | None) -> None:
        own = only(shapes)
        if len(own) != 4 or own[3] != 1:
            raise UserError(
                f"{name} gives outputs of shape {own[1:]}, but counting needs a density map (height, width, 1)"
            )
        if width not in (None, 1):
            raise UserError(f"{name} counts one kind of object, but the data have {width} kinds")

    def loss(self, outputs: Tensors, targets: Tensors, weight: float = 1.0) -> Any:
        """Mean over the batch and the cells of the squared error, in multiples of the usual density.

        Where the outputs have an ``attention``, its cross-entropy is added.
        """
        tf = keras.tf
        wanted = self._wanted(outputs["density"], targets)
        errors = self.in_multiples(outputs["density"] - wanted, targets)
        loss = tf.reduce_mean(tf.square(errors))
        if "attention" in outputs:
            there = self.in_multiples(self._wanted(outputs["attention"], targets), targets) * self._usual
            is_there = tf.cast(there > self.attention_threshold, tf.float32)
            entropy = keras.losses.binary_crossentropy(is_there, outputs["attention"])
            loss += self.attention_weight * tf.reduce_mean(entropy)
        return weight * loss

    def logs(self, outputs: Tensors, targets: Tensors) -> dict[str, Any]:
        tf = keras.tf
        counted = tf.reduce_sum(outputs["density"], axis=(1, 2, 3))
        return {"mae": tf.reduce_mean(tf.abs(counted - targets["counts"]))}

    def in_deviations(self, outputs: Tensors) -> Tensors:
        return {"density": outputs["density"] / self._usual}

    def from_file(self, outputs: Arrays, ends_in: str = "") -> Arrays:
        return {"density": only(outputs)}

    def score(self, outputs: Arrays, targets: Arrays) -> float:
        return counting.mae(counting.counts(outputs["density"]), targets["counts"])

    def lacks(self, targets: Arrays) -> str:
        return ""

    def measure(
        self, outputs: Arrays, targets: Arrays, validation_outputs: Arrays, validation_targets: Arrays
    ) -> dict[str, float | None]:
        return counting.measure(outputs, targets)

    def details(self, outputs: Arrays, targets: Arrays) -> dict[str, Any]:
        """True and predicted counts of some images for a plot, and the errors of images with few and many things."""
        counted, true = counting.counts(outputs["density"]), targets["counts"].astype(np.float64)
        some = np.linspace(0, len(true) - 1, min(len(true), MOST_POINTS)).astype(int)
        parts = [rows for rows in np.array_split(np.argsort(true, kind="stable"), PARTS) if len(rows)]
        return {
            "counts": {"true": true[some].tolist(), "predicted": counted[some].round(3).tolist()},
            "by_count": {
                "from": [float(true[rows].min()) for rows in parts],
                "to": [float(true[rows].max()) for rows in parts],
                "images": [len(rows) for rows in parts],
                "mae": [counting.mae(counted[rows], true[rows]) for rows in parts],
                "bias": [counting.bias(counted[rows], true[rows]) for rows in parts],
            },
        }

    def close(self, outputs: Arrays, others: Arrays) -> float:
        """The mean absolute difference of the counts."""
        return float(np.abs(counting.counts(outputs["density"]) - counting.counts(others["density"])).mean())

    def departure(self, wanted: Arrays, got: Arrays, targets: Arrays, precision: str) -> Departure:
        """Of the counts, in parts of the mean count; and the mean difference, which is a bias of the file."""
        mean = float(targets["counts"].mean()) or 1.0
        own, of_file = (counting.counts(outputs["density"])[:, None] / mean for outputs in (wanted, got))
        difference = Difference.of(own, of_file, BOUNDS)
        facts = {**difference.facts(), "bias_of_the_count": round(float((of_file - own).mean() * mean), 6)}
        return Departure(facts, difference.reason(own, precision), difference.note())

    def calibration_rows(self, targets: Arrays) -> np.ndarray:
        """The examples of the fewest and of the most points."""
        order = np.argsort(targets["counts"], kind="stable")
        return np.unique(np.concatenate([order[:EXTREMES], order[-EXTREMES:]]))

    def tolerance(self, precision: str) -> float | list[float]:
        return TOLERANCE[precision] * self._usual * LARGEST_CELL

    def answers(self, outputs: Arrays, targets: Arrays) -> Answers | None:
        """None: an error says nothing of pixels until it is known how large it should be."""
        return None

    def chance(self, targets: Arrays) -> float:
        return 0.0

    def ignorance(self, outputs: Arrays, targets: Arrays) -> str:
        true = targets["counts"]
        own, of_mean = self.score(outputs, targets), float(np.abs(true - true.mean()).mean())
        told = f"predicts the counts of {len(true)} validation images no better than their mean does"
        return told if of_mean > 0 and own >= KNOWING * of_mean else ""

    def collapse(self, outputs: Arrays, targets: Arrays) -> str:
        counted = counting.counts(outputs["density"])
        return "counts the same in every test image" * bool(counted.std() < 0.01 * targets["counts"].std())

    def picture(self, outputs: Arrays, image: Fitted, label_names: tuple[str, ...]) -> np.ndarray | None:
        """The map, in colours over the grey example: dark red for a few things at a place, yellow for the most."""
        from matplotlib import colormaps

        density, below = np.clip(outputs["density"][0, ..., 0], 0, None), image.example
        part = resize(
            np.rint(255 * density / max(float(density.max()), 1e-9)).astype(np.uint8)[None, ..., None], below.shape[:2]
        )
        heat = part[0] / 255.0
        grey = np.repeat(below.mean(axis=-1, keepdims=True), 3, axis=-1)
        colours = 255 * colormaps["hot"](0.25 + 0.65 * heat[..., 0])[..., :3]
        opacity = np.minimum(1.0, 1.5 * heat)
        return np.rint(grey * (1 - opacity) + colours * opacity).astype(np.uint8)

    def describe(
        self, outputs: Arrays, label_names: tuple[str, ...], top: int, images: Sequence[Fitted] | None = None
    ) -> list[str]:
        """The count, to a tenth, and what was counted."""
        return [f"{count:.1f} {label_names[0]}" for count in counting.counts(outputs["density"])]

    def as_json(
        self, outputs: Arrays, label_names: tuple[str, ...], images: Sequence[Fitted] | None = None
    ) -> list[dict[str, Any]]:
        """``count``."""
        return [{"count": round(float(count), 3)} for count in counting.counts(outputs["density"])]

    @property
    def _usual(self) -> float:
        return self.usual_density or 1.0

    def _wanted(self, like: Any, targets: Tensors) -> Any:
        """The targets' map at the grid of ``like``, (n, height, width, 1)."""
        return map_of(targets["points"], targets["frame"], (like.shape[1], like.shape[2]))[..., None]

    def in_multiples(self, density: Any, targets: Tensors) -> Any:
        """Of the usual density; a map (n, height, width, 1) holds things a cell."""
        pixels = keras.tf.reduce_prod(targets["frame"], axis=1) / (density.shape[1] * density.shape[2])  # of a cell
        return density / (self._usual * pixels[:, None, None, None])
