"""Training on targets, as every stage that trains without a teacher does it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from compress.stages.base import Context
from compress.stages.examples import training_data
from compress.stages.serving import Serving
from compress.tasks.objective import objective
from compress.training import Training, fit


def train_on_targets(
    network: Any,
    training: Training,
    serving: Serving,
    context: Context,
    scratch: Path,
    validate: Callable[[], dict[str, float]] | None = None,
    callbacks: tuple[Any, ...] = (),
) -> None:
    """Trains ``network`` in place with the stage's loss on the training split."""
    data = training_data(context, [network], training)
    with context.clock("training"):
        fit(
            network,
            objective(context.task, training.loss(context.task), network),
            data,
            training,
            scratch / "backup",
            context.progress,
            validate or serving.validate,
            (*callbacks, *context.callbacks),
            strategy=context.strategy,
        )
