"""A distillation is one or more phases of training, each with a network and an objective of its own."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Phase:
    """Train ``network`` on ``objective`` until ``epochs`` epochs of the stage are done.

    ``objective(network, images, targets)`` returns the scalar loss and a dict of scalars to log; targets are arrays by
    name, and extra inputs come by name, too.
    """

    name: str
    network: Any
    objective: Any
    epochs: int
