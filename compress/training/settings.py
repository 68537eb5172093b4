"""How a network is trained: epochs, optimizer, learning-rate schedule, and the order of the data."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from compress.config import Count, Fraction, NotNegative, Positive, config
from compress.datasets import Augmentation, Crops, Split
from compress.datasets.images import cut_out
from compress.errors import UserError
from compress.targets import Targets
from compress.tasks.base import Task
from compress.tasks.losses import LabelLoss
from compress.tasks.objective import Loss

Objective = Callable[..., tuple[Any, dict[str, Any]]]
"""(network, examples float32 as networks read them, targets by name, extra inputs by name) -> (scalar loss, name ->
scalar to log)."""
Arrays = dict[str, np.ndarray]
Batch = tuple[np.ndarray, Arrays, Arrays]
"""Examples, targets by name, and extra inputs by name."""
Draw = Callable[[np.random.Generator, np.ndarray], np.ndarray]
"""(randomness, the examples of a batch) -> an array for the batch as a whole, or with a row an example."""


class Diverged(UserError):
    """The loss is no number any more."""


@config
class Training:
    """How long and how a network is trained; the fields that every training stage has."""

    epochs: Count
    """Number of passes over the training images."""
    batch_size: Count = 32
    """Number of images per optimizer step."""
    optimizer: Literal["adam", "sgd"] = "adam"
    """Optimizer: Adam (Kingma and Ba, 2015), or stochastic gradient descent with Nesterov momentum."""
    learning_rate: Positive = 1e-3
    """Highest learning rate, of the first step or, with warmup_epochs, of the end of the warm-up; the schedule lowers
    it from there."""
    warmup_epochs: Annotated[int, Field(ge=0)] = 0
    """Number of epochs at the start in which the learning rate rises in equal steps to learning_rate; deep networks and
    large batches can need it (Goyal et al., "Accurate, Large Minibatch SGD", 2017, section 2.2). They count towards
    epochs."""
    momentum: Fraction = 0.9
    """Nesterov momentum; used only by optimizer = "sgd"."""
    schedule: Literal["constant", "cosine", "cosine_restarts", "steps"] = "cosine"
    """Schedule of the learning rate: cosine falls to 0 at the end of the training, cosine_restarts falls to 0 in each
    of several periods (both: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017),
    steps divides it by 10 after each epoch in drop_after."""
    first_restart: Count | None = None
    """Number of epochs before the first restart; needed by cosine_restarts."""
    restart_factor: Annotated[float, Field(ge=1)] = 2.0
    """Factor by which each period of cosine_restarts is longer than the one before."""
    drop_after: tuple[Count, ...] = ()
    """Epochs after which schedule = "steps" divides the learning rate by 10, such as [25, 38]."""
    use_crops: bool = True
    """Whether to train on the random crops that [data] crop asks for; false trains on whole images, for networks that
    see more than one crop."""
    weight_decay: NotNegative = 0.0
    """Strength of the L2 penalty on kernels: 0.5 * weight_decay * sum of squared weights is added to the loss."""
    label_loss: LabelLoss | None = None
    """Loss function on the labels, such as { name = "focal_calibration", focal_weight = 0.1 }. Default: the loss of the
    task."""

    def loss(self, task: Task) -> Loss:
        """The loss on targets that the stage trains with."""
        return task.loss if self.label_loss is None else self.label_loss.loss

    def check_task(self, task: Task) -> None:
        """Raises UserError for a loss that is not for the task."""
        if self.label_loss is not None and task.name not in self.label_loss.TASKS:
            raise UserError(
                f'label_loss "{self.label_loss.name}" is for the task {", ".join(self.label_loss.TASKS)}, but '
                f"the task is {task.name}"
            )

    def check_augmentation(self, augmentation: Augmentation) -> None:
        """Raises UserError for a loss that does not take what an augmentation makes of the targets."""
        if augmentation.mixup is not None and self.label_loss is not None and not self.label_loss.TAKES_MIXED:
            raise UserError(
                f'label_loss "{self.label_loss.name}" does not support the mixed classes of mixup: use '
                "cross_entropy, or leave mixup out"
            )

    def check_schedule(self) -> None:
        """Raises UserError for settings that contradict each other."""
        late = [epoch for epoch in self.drop_after if epoch >= self.epochs]
        if late:
            raise UserError(f"drop_after = {late} must be less than the number of epochs ({self.epochs})")
        if self.drop_after and self.schedule != "steps":
            raise UserError(f'drop_after works only with schedule = "steps", not "{self.schedule}"')
        if 0 < self.warmup_epochs >= self.epochs:
            raise UserError(
                f"warmup_epochs = {self.warmup_epochs} must be less than the number of epochs ({self.epochs})"
            )
        restarts = self.schedule == "cosine_restarts"
        if restarts and self.first_restart is None:
            raise UserError(
                'schedule = "cosine_restarts" needs first_restart, the number of epochs before the first restart'
            )
        if not restarts and (self.first_restart is not None or self.restart_factor != 2.0):
            raise UserError(
                f'first_restart and restart_factor work only with schedule = "cosine_restarts", not "{self.schedule}"'
            )

    def steps(self, images: int, epochs: int | None = None) -> int:
        """Optimizer steps of ``epochs`` (all, if None) over that many images."""
        return (self.epochs if epochs is None else epochs) * math.ceil(images / self.batch_size)

    def rate(self, step: int, total: int) -> float:
        """The learning rate of a step in [0, total); ``steps`` divides ``total`` into ``epochs``."""
        warmup = self.warmup_epochs * total // self.epochs
        if step < warmup:
            return self.learning_rate * (step + 1) / warmup
        if self.schedule == "cosine":
            return self._cosine((step - warmup) / (total - warmup))
        if self.schedule == "cosine_restarts":
            return self._cosine(self._part_of_period((step - warmup) * self.epochs / total))
        epochs_done = step * self.epochs // total
        drops = sum(epochs_done >= epoch for epoch in self.drop_after) if self.schedule == "steps" else 0
        return self.learning_rate * 0.1**drops

    def _cosine(self, part: float) -> float:
        """The learning rate when that part of a period, in [0, 1), is over."""
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * part))

    def _part_of_period(self, epochs_done: float) -> float:
        """In [0, 1): how much of the period between two restarts is over."""
        period = float(self.first_restart or self.epochs)
        while epochs_done >= period:
            epochs_done, period = epochs_done - period, period * self.restart_factor
        return epochs_done / period


EXAMPLES, DRAWS = 1, 2
"""Which stream of random numbers a batch draws its augmentation from, and which its ``per_batch_inputs``."""


@dataclass(frozen=True)
class Data:
    """What a stage trains on; the order and the augmentation of an epoch follow from seed and epoch alone.

    ``per_image_inputs`` holds what else an objective is given, by name: an array with a row a training image, such as
    the outputs of a teacher. ``per_batch_inputs`` draws such an array anew for each batch, or makes it of its examples.
    ``crops``: parts of the images take their place.
    """

    train: Split
    augmentation: Augmentation
    seed: int
    per_image_inputs: Mapping[str, np.ndarray] = field(default_factory=dict)
    per_batch_inputs: Mapping[str, Draw] = field(default_factory=dict)
    crops: Crops | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example, without the batch."""
        return self.train.shape if self.crops is None else self.crops.shape

    def batches(self, batch_size: int, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch: every image once."""
        for number in range(math.ceil(len(self.train) / batch_size)):
            yield self.batch(batch_size, epoch, number)

    def batch(self, batch_size: int, epoch: int, number: int) -> Batch:
        """Examples as ``Split.read`` gives them, targets by name, and extra inputs by name, of one batch of an epoch,
        both from 0; the last may be smaller.

        Follows from the seed and the arguments alone: may be called in any order, and by several threads at once.
        """
        rows = _order(self.seed, epoch, len(self.train))[number * batch_size : (number + 1) * batch_size]
        rng, draws = (self._random(epoch, number, stream) for stream in (EXAMPLES, DRAWS))
        return self._batch(rows, *self._examples(rows, rng), rng, draws)

    def no_batch(self) -> Batch:
        """As ``batch``, of no examples: what a batch is made of."""
        rows, rng = np.arange(0), np.random.default_rng(0)
        none = np.empty((0, *self.shape), self.train.read(rows).dtype)
        return self._batch(rows, none, self.train.targets.take(rows), rng, rng)

    def _batch(
        self,
        rows: np.ndarray,
        images: np.ndarray,
        targets: Targets,
        rng: np.random.Generator,
        draws: np.random.Generator,
    ) -> Batch:
        images, targets = self.augmentation.of(images, targets, rng)
        extra_inputs = {name: values[rows] for name, values in self.per_image_inputs.items()}
        extra_inputs |= {name: draw(draws, images) for name, draw in self.per_batch_inputs.items()}
        return images, dict(targets.arrays()), extra_inputs

    def _random(self, epoch: int, number: int, stream: int) -> np.random.Generator:
        # a spawn key, as a seed that is a list of numbers is the same with zeros behind it
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(epoch, number, stream)))

    def _examples(self, rows: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, Targets]:
        crop = self.augmentation.resized_crop
        parts = None if crop is None else crop.draw(len(rows), self.shape[0], self.shape[1], rng)
        if self.crops is not None:
            images, targets = self.crops.draw(rows, rng)
            images = images if parts is None else cut_out(images, parts.corners, self.shape[:2])
        else:
            targets = self.train.targets.take(rows)
            images = self.train.read(rows) if parts is None else self.train.read(rows, parts)
        return images, targets if parts is None else targets.moved(parts)


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, count: int) -> np.ndarray:
    """Of so many images in an epoch: a permutation."""
    return np.random.default_rng((seed, epoch)).permutation(count)
