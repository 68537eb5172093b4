"""What the rest of the library asks of a task: what the numbers of a network mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np

from compress.datasets import Dataset
from compress.datasets.images import Fitted
from compress.models.head import Head
from compress.results import Metric
from compress.tasks.answers import Answers

Tensors = Mapping[str, Any]
"""TensorFlow's tensors of a batch, by the names of outputs or of targets."""
Arrays = Mapping[str, np.ndarray]
"""Arrays with a row an example, by the names of outputs or of targets."""


@dataclass(frozen=True)
class Output:
    """An output of a network of the task.

    ``name`` is its name in SavedModels, and in files that leave it as it is. A file with a float output has the
    TFLite ``operator`` behind it ("" for none) and is called ``in_file``; ``meaning`` says in words what that is.
    """

    name: str
    in_file: str
    meaning: str
    operator: str = ""


@dataclass(frozen=True)
class Departure:
    """How far a file departs from its network.

    ``facts`` go into stage.json and model.json; ``reason`` says why the file is not faithful, "" if it is; ``note`` is
    what a user should know of a file whose departure is allowed, "" for nothing.
    """

    facts: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    note: str = ""


@runtime_checkable
class Task(Protocol):
    """A frozen config; its fields are the settings of ``[task]`` in a pipeline file, ``name`` among them.

    Outputs are those of a network, by the names of OUTPUTS ("raw"), unless a file's are meant; targets are what
    ``Targets.arrays`` gives.
    """

    METRICS: ClassVar[tuple[Metric, ...]]
    """What ``measure`` gives; the first decides which network is better."""
    CLOSENESS: ClassVar[Metric]
    """What ``close`` gives."""
    OUTPUTS: ClassVar[tuple[Output, ...]]
    ALSO_IN_FILES: ClassVar[tuple[tuple[str, ...], ...]]
    """Names of outputs that files of other makers, or with more behind the network, have in place of these."""
    ALSO_LEARNED: ClassVar[tuple[str, ...]]
    """Layers whose outputs the loss takes, too, by their names, where a network has them."""

    READ_WITH: ClassVar[tuple[str, ...]]
    """Settings without which outputs cannot be read: those of a network that exists are the ones of its training."""

    SUMS: ClassVar[Mapping[str, str]]
    """Outputs whose sum counts, in which a small error of each value adds up -> the targets that it should be."""

    @property
    def name(self) -> str:
        """Under which the task is registered."""

    def fitted(self, data: Dataset, learns: bool = True) -> Self:
        """The task with what it takes from the training targets.

        Raises UserError for targets that are not its kind, and, where a network ``learns`` from them rather than is
        measured, for those of which nothing can be learned.
        """

    def head(self, data: Dataset) -> Head:
        """What a network of the registry ends in."""

    def own_end(self, network: Any, name: str) -> Any:
        """A user's network, from a file of that ``name``, so that it emits raw outputs: a softmax is cut, for example.

        Raises UserError for an end that cannot be such outputs.
        """

    def check_outputs(self, shapes: Mapping[str, tuple[int | None, ...]], name: str, width: int | None) -> None:
        """Raises UserError unless a model with outputs of these shapes, batch and all, can do the task.

        ``width`` is the number of names that the data have, None where there are no data.
        """

    def loss(self, outputs: Tensors, targets: Tensors, weight: float = 1.0) -> Any:
        """``weight`` times the task's usual loss of a batch, a float32 scalar of at least 0."""

    def logs(self, outputs: Tensors, targets: Tensors) -> dict[str, Any]:
        """Name -> a float32 scalar of a batch that says how the training goes."""

    def in_deviations(self, outputs: Tensors) -> Tensors:
        """Raw outputs as the distance of two networks is taken of them: numbers over the deviation of their targets,
        logits as they are.
        """

    def from_file(self, outputs: Arrays, ends_in: str = "") -> Arrays:
        """Raw outputs of what a file gives, whoever made it.

        ``ends_in`` is the operator at the end of the file, where it is known.
        """

    def score(self, outputs: Arrays, targets: Arrays) -> float:
        """The first of METRICS."""

    def lacks(self, targets: Arrays) -> str:
        """What none of these examples has, although METRICS are about it, in words, such as "a box"; "" where they can
        be measured."""

    def measure(
        self, outputs: Arrays, targets: Arrays, validation_outputs: Arrays, validation_targets: Arrays
    ) -> dict[str, float | None]:
        """Every one of METRICS on the test split, None where it has no value; what is fitted is so on validation."""

    def details(self, outputs: Arrays, targets: Arrays) -> dict[str, Any]:
        """What the task's section of the report shows, ready for JSON."""

    def close(self, outputs: Arrays, others: Arrays) -> float:
        """How alike two networks' outputs of the same examples are: CLOSENESS."""

    def departure(self, wanted: Arrays, got: Arrays, targets: Arrays, precision: str) -> Departure:
        """How far a file, whose raw outputs are ``got``, departs from its network.

        ``precision`` is what the file computes in: "float32", "float16", "int8", "int16x8" or "dynamic".
        """

    def calibration_rows(self, targets: Arrays) -> np.ndarray:
        """int64 indices of training examples on which ranges of activations have to be measured, whichever others are:
        those with the largest outputs, where int8 must not cut them off. Empty where that does no harm."""

    def tolerance(self, precision: str) -> float | list[float]:
        """How far a file of that precision may be from its own outputs elsewhere, on another runtime: of every value of
        a float output, or of each number of a row."""

    def answers(self, outputs: Arrays, targets: Arrays) -> Answers | None:
        """The answers summed up; None for a task whose answers do not tell which pixels a network expects."""

    def chance(self, targets: Arrays) -> float:
        """The fraction of right answers of who knows the targets' frequencies alone; for tasks with ``answers``."""

    def ignorance(self, outputs: Arrays, targets: Arrays) -> str:
        """Why the outputs show no more knowledge than chance, in words; "" where they do."""

    def collapse(self, outputs: Arrays, targets: Arrays) -> str:
        """How the outputs show that a network says the same of every example, in words; "" where they do not."""

    PICTURE: ClassVar[str]
    """What ``picture`` shows, in a word; "" for a task whose answers are no places in an image."""
    DRAWN_UNASKED: ClassVar[bool]
    """Whether such a picture belongs to the answer."""

    def picture(self, outputs: Arrays, image: Fitted, label_names: tuple[str, ...]) -> np.ndarray | None:
        """What a network says of one image, drawn over it: uint8 (height, width, 3); None where words tell it all."""

    def describe(
        self, outputs: Arrays, label_names: tuple[str, ...], top: int, images: Sequence[Fitted] | None = None
    ) -> list[str]:
        """What a network says of each example, in words; the ``top`` likeliest where there is a choice.

        Places in an image are in pixels of the originals of ``images`` where these are given.
        """

    def as_json(
        self, outputs: Arrays, label_names: tuple[str, ...], images: Sequence[Fitted] | None = None
    ) -> list[dict[str, Any]]:
        """The same as numbers by name, ready for JSON: all of them."""
