"""What a training without a teacher minimises."""

from collections.abc import Callable
from functools import partial
from typing import Any

from compress.tasks.base import Task, Tensors

Loss = Callable[..., Any]
"""(raw outputs, targets, weight=1.0) -> the scalar loss of a batch."""


def named(task: Task, outputs: Any) -> Tensors:
    """What a network of the task gives, one tensor or several in the order of OUTPUTS, by name."""
    tensors = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    return {output.name: tensor for output, tensor in zip(task.OUTPUTS, tensors, strict=True)}


def on_targets(task: Task, loss: Loss, network: Any, images: Any, targets: Tensors) -> tuple[Any, dict[str, Any]]:
    """The loss of a batch on its targets alone, and what to log of it."""
    outputs = named(task, network(images, training=True))
    return loss(outputs, targets), task.logs(outputs, targets)


def objective(task: Task, loss: Loss) -> Any:
    """``on_targets`` as ``training.fit`` takes it."""
    return partial(on_targets, task, loss)
