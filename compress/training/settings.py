"""How a network is trained: epochs, optimizer, learning-rate schedule, and the order of the data."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from compress.config import Count, Fraction, NotNegative, Positive, config
from compress.datasets import Augmentation, Split
from compress.errors import UserError
from compress.tasks.losses import CrossEntropy, LabelLoss

# (network, examples float32 as networks read them, labels int64, and by name what goes beside them) -> (scalar loss,
# name -> scalar to log)
Objective = Callable[..., tuple[Any, dict[str, Any]]]
Beside = dict[str, np.ndarray]


class Diverged(UserError):
    """The loss is no number any more."""


@config
class Training:
    """How long and how a network is trained; the fields that every training stage has."""

    epochs: Count
    batch_size: Count = 32
    optimizer: Literal["adam", "sgd"] = "adam"
    learning_rate: Positive = 1e-3
    momentum: Fraction = 0.9
    """Nesterov momentum of sgd."""
    schedule: Literal["constant", "cosine", "steps"] = "cosine"
    """cosine falls to 0 at the end (Loshchilov and Hutter, 2017, no restarts); steps is a tenth after each drop."""
    drop_after: tuple[Count, ...] = ()
    """Epochs after which steps drops the rate, such as [25, 38]."""
    weight_decay: NotNegative = 0.0
    """L2 penalty 0.5 * weight_decay * sum of squares, on kernels."""
    label_loss: LabelLoss = CrossEntropy()
    """The loss on labels, by name, such as { name = "focal_calibration", focal_weight = 0.1 }."""

    def check_schedule(self) -> None:
        """Raises UserError for settings that contradict each other."""
        late = [epoch for epoch in self.drop_after if epoch >= self.epochs]
        if late:
            raise UserError(f"drop_after = {late} is not before the last of {self.epochs} epochs")
        if self.drop_after and self.schedule != "steps":
            raise UserError(f'drop_after goes with schedule = "steps", not "{self.schedule}"')

    def steps(self, images: int, epochs: int | None = None) -> int:
        """Optimizer steps of ``epochs`` (all, if None) over that many images."""
        return (self.epochs if epochs is None else epochs) * math.ceil(images / self.batch_size)

    def rate(self, step: int, total: int) -> float:
        """The learning rate of a step in [0, total); ``steps`` divides ``total`` into ``epochs``."""
        if self.schedule == "cosine":
            return self.learning_rate * 0.5 * (1 + math.cos(math.pi * step / total))
        epochs_done = step * self.epochs // total
        drops = sum(epochs_done >= epoch for epoch in self.drop_after) if self.schedule == "steps" else 0
        return self.learning_rate * 0.1**drops


@dataclass(frozen=True)
class Data:
    """What a stage trains on; the order and the augmentation of an epoch follow from seed and epoch alone.

    ``with_images`` holds what else an objective is given, by name: an array with a row a training image, such as the
    logits of a teacher. ``drawn`` draws such an array anew for each batch.
    """

    train: Split
    augmentation: Augmentation
    seed: int
    with_images: Mapping[str, np.ndarray] = field(default_factory=dict)
    drawn: Mapping[str, Callable[[np.random.Generator], np.ndarray]] = field(default_factory=dict)

    def batches(self, batch_size: int, epoch: int) -> Iterator[tuple[np.ndarray, np.ndarray, Beside]]:
        """Examples as ``Split.read`` gives them, int64 (n,) labels and what goes beside them, every image once.

        The last batch may be smaller.
        """
        rng, draws = np.random.default_rng((self.seed, epoch)), np.random.default_rng((self.seed, epoch, 1))
        order = rng.permutation(len(self.train))
        for start in range(0, len(order), batch_size):
            part = order[start : start + batch_size]
            beside = {name: rows[part] for name, rows in self.with_images.items()}
            beside |= {name: draw(draws) for name, draw in self.drawn.items()}
            yield self.augmentation.apply(self.train.read(part), rng), self.train.labels[part], beside
