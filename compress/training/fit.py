"""The training loop's front door: cheap to import, it loads TensorFlow when it is called."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from compress.progress import Progress
from compress.training.settings import Data, Objective, Training
from compress.training.strategy import ONE_DEVICE, Strategy


def fit(
    network: Any,
    objective: Objective,
    data: Data,
    training: Training,
    backup: Path,
    progress: Progress,
    validate: Callable[[], dict[str, float]],
    callbacks: Sequence[Any] = (),
    first_epoch: int = 0,
    last_epoch: int | None = None,
    strategy: Strategy = ONE_DEVICE,
) -> None:
    """Trains ``network`` in place from ``first_epoch`` to ``last_epoch`` (of ``training.epochs``) on ``objective``.

    ``backup`` is a folder: after a kill, the same call goes on at the last finished epoch, with the same result as
    an uninterrupted one. ``validate`` measures after each epoch. ``callbacks`` are Keras's; what one of them lists as
    ``variables`` is backed up with the network. Under a ``strategy`` of several replicas ``training.batch_size`` is
    that of all together, and the result is that of one device, within rounding. Raises Diverged with the step for a
    loss that is no number, and UserError for a layer that cannot be replicated.
    """
    from compress.training.keras_loop import run

    last_epoch = training.epochs if last_epoch is None else last_epoch
    if first_epoch < last_epoch:
        with strategy.lost_workers_told():
            run(
                network,
                objective,
                data,
                training,
                backup,
                progress,
                validate,
                callbacks,
                first_epoch,
                last_epoch,
                strategy,
            )
