"""What a training without a teacher minimises."""

from collections.abc import Callable
from functools import partial
from typing import Any

from compress.tasks.base import Task, Tensors
from compress.tasks.named import named

Loss = Callable[..., Any]
"""(raw outputs, targets, weight=1.0) -> the scalar loss of a batch."""


def on_targets(task: Task, loss: Loss, network: Any, images: Any, targets: Tensors) -> tuple[Any, dict[str, Any]]:
    """The loss of a batch on its targets alone, and what to log of it."""
    outputs = named(task, network(images, training=True))
    return loss(outputs, targets), task.logs(outputs, targets)


def objective(task: Task, loss: Loss) -> Any:
    """``on_targets`` as ``training.fit`` takes it."""
    return partial(on_targets, task, loss)
