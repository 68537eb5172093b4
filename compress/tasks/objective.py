"""What a training without a teacher minimises."""

from collections.abc import Callable
from functools import partial
from typing import Any

from compress import keras
from compress.tasks.base import Task, Tensors
from compress.tasks.named import named

Loss = Callable[..., Any]
"""(raw outputs, targets, weight=1.0) -> the scalar loss of a batch."""


def on_targets(
    task: Task, loss: Loss, also_learned: Any, network: Any, images: Any, targets: Tensors
) -> tuple[Any, dict[str, Any]]:
    """The loss of a batch on its targets alone, and what to log of it. ``also_learned``: see ``with_also_learned``."""
    if also_learned is None:
        outputs = named(task, network(images, training=True))
    else:
        outputs = also_learned(images, training=True)
    return loss(outputs, targets), task.logs(outputs, targets)


def objective(task: Task, loss: Loss, network: Any) -> Any:
    """``on_targets`` as ``training.fit`` takes it, for this network."""
    return partial(on_targets, task, loss, with_also_learned(task, network))


def with_also_learned(task: Task, network: Any) -> Any | None:
    """The same network, whose outputs by name are its own and those of the layers that the task learns, too; None for
    one that has no such layer."""
    layers = {layer.name: layer.output for layer in network.layers if layer.name in task.ALSO_LEARNED}
    if not layers:
        return None
    model = keras.Model(network.inputs, {**named(task, network.outputs), **layers})
    model.input_spec = network.input_spec
    return model
