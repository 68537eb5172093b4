"""Looks at what only a built network shows, before anything is trained or written."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from compress.errors import UserError
from compress.pipeline.networks import Networks
from compress.pipeline.plan import Step
from compress.stages import Context
from compress.stages.distill import Distill
from compress.stages.network import NetworkStage


def check(steps: Sequence[Step], networks: Networks, context: Callable[[Step], Context]) -> None:
    """Raises UserError for files and layers of the user's that do not fit the ``steps`` which will run.

    Networks by name alone are not built: the registry vouches for them.
    """
    for step in steps:
        for teacher in step.teachers:
            if isinstance(teacher, Path):
                networks.look(str(teacher))
        try:
            stage = step.stage
            if isinstance(stage, Distill) and getattr(stage.method, "layers", None) and not stage.needs_input:
                teacher_network = _network(step.teachers[0], networks, context)
                if teacher_network is not None:
                    stage.method.phases(teacher_network, stage.network(context(step)), stage.epochs)
            elif isinstance(stage, NetworkStage) and stage.files:
                stage.network(context(step))
        except UserError as error:
            raise UserError(f"[[stage]] {step.stage.name!r}: {error}") from error


def _network(teacher: Step | Path, networks: Networks, context: Callable[[Step], Context]) -> Any:
    """A network with the teacher's layers; None where that takes an earlier stage's own network."""
    if isinstance(teacher, Path):
        return networks.look(str(teacher))
    step: Step | None = teacher
    while step is not None:
        if isinstance(step.stage, NetworkStage) and not step.stage.needs_input:
            return step.stage.network(context(step))
        step = step.input
    return None
