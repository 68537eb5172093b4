"""The outputs of a task's networks by name, in the order of OUTPUTS."""

from typing import Any

from compress.tasks.base import Task, Tensors


def names(task: Task) -> list[str]:
    """What the outputs of a network of the task are called."""
    return [output.name for output in task.OUTPUTS]


def named(task: Task, outputs: Any) -> Tensors:
    """What a network of the task gives, one tensor or several, by name."""
    tensors = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    return dict(zip(names(task), tensors, strict=True))


def shapes(task: Task, network: Any) -> dict[str, tuple[int | None, ...]]:
    """Of a network's outputs, batch and all; one that has more or fewer of them is not refused here."""
    return dict(zip(names(task), (tuple(tensor.shape) for tensor in network.outputs), strict=False))
