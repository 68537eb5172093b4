"""Looks at what only a built network shows, before anything is trained or written."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from compress import models
from compress.errors import Failure, UserError
from compress.evaluate import check_labels, expected_pixels
from compress.inspection import inspect
from compress.pipeline.networks import Networks
from compress.pipeline.plan import Step
from compress.stages import Context, Stage
from compress.stages.network import NetworkStage
from compress.stages.trial import is_quick, trial
from compress.training import Training


def check(steps: Sequence[Step], networks: Networks, context: Callable[[Step], Context], force: bool = False) -> None:
    """Raises UserError for files and layers of the user's that do not fit the ``steps`` which will run.

    A network of the user's is built, evaluated and put through a trial of what the later stages will do to it. Trained
    ones that know no more than chance, or other classes, are refused, unless ``force``. Networks by name alone are not
    built: the registry vouches for them.
    """
    for step in steps:
        try:
            stage, given = step.stage, context(step)
            if isinstance(stage, Training) and stage.trains:
                given.strategy.check(stage)
            if stage.network_name is not None:
                head, crops = given.task.head(given.dataset), given.dataset.crops
                for shape in (given.shape, *([] if crops is None else [crops.shape])):
                    models.check_head(stage.network_name, shape, head)
                models.check_maps(stage.network_name, given.shape, head)
            if stage.compares_layers and not stage.needs_input:
                teacher_network = _network(step.teachers[0], networks, context)
                if teacher_network is not None:
                    stage.check_layers(teacher_network, given)
            if isinstance(stage, NetworkStage) and (stage.files or any(_patterns(step, steps))):
                network = stage.network(given)
                stage.check_network(network, given)
                if any(other.stage.trains for other in steps if other is step or step in other.inputs):
                    given.strategy.check_network(network)
                if stage.saved_model is not None and not _learns_from_the_start(stage, network):
                    _refuse_ignorance(network, stage.saved_model, given, force)
                _inspect(network, step, steps, given)
            if stage.looks_at_network and (network := _network(step.input, networks, context)) is not None:
                stage.check_network(network, given)
            for teacher in step.teachers:
                if isinstance(teacher, Path):
                    network = networks.borrow(str(teacher))
                    stage.check_teacher(network, _network(step, networks, context))
                    _refuse_ignorance(network, str(teacher), given, force)
                elif _starts_from_files(teacher) and (network := _network(teacher, networks, context)) is not None:
                    stage.check_teacher(network, _network(step, networks, context))
        except UserError as error:
            raise UserError(f"[[stage]] {step.stage.name!r}: {error}") from error


def _refuse_ignorance(network: Any, name: str, context: Context, force: bool) -> None:
    if not force:
        data = context.dataset
        check_labels(Path(name), data.label_names, data.name)
        expected_pixels.refuse_ignorance(network, name, data.validation, data.label_names, context.task)


def _learns_from_the_start(stage: NetworkStage, network: Any) -> bool:
    """Whether the stage trains a network, or a head of it, that was not trained before."""
    return stage.trains and (expected_pixels.is_fresh(network) or expected_pixels.has_new_head(network))


def _inspect(network: Any, source: Step, steps: Sequence[Step], context: Context) -> None:
    """Refuses, before it is trained, a network of the user's that a later stage could not prune or quantize."""
    say = context.progress.say
    if not _rewriters(source, steps):
        return
    inspection = inspect(network, *_patterns(source, steps), bool(context.task.SUMS))
    if inspection.refused:
        raise UserError("; ".join(f"layer {row.layer!r} is {row.becomes}" for row in inspection.refused))
    if not inspection.exact:
        raise Failure(
            f"the network rewritten for int8 differs from the original by {inspection.difference:.1e}: this is "
            "a bug in jetslim, please report it"
        )
    say(f"inspected {source.stage.name}: {inspection.summary()} (jetslim inspect shows all)")
    readers = [step for step in steps if source in step.inputs]
    if is_quick(network) and any(step.stage.trains for step in (source, *readers)):  # else they are as quick themselves
        for branch in (step for step in readers if not any(step in other.inputs for other in readers)):
            way = [step.stage for step in readers if step is branch or step in branch.inputs]
            trial(network, way, context)


def _rewriters(source: Step, steps: Sequence[Step]) -> list[Stage]:
    """The stages that rewrite the network of ``source``."""
    return [step.stage for step in steps if source in step.inputs and step.stage.rewrites]


def _patterns(source: Step, steps: Sequence[Step]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What they are to skip and to keep in float, by the layers' names."""
    stages = _rewriters(source, steps)
    skip = tuple(pattern for stage in stages for pattern in stage.left_dense)
    keep = tuple(pattern for stage in stages for pattern in stage.kept_in_float)
    return skip, keep


def _starts_from_files(step: Step) -> bool:
    """Whether the layers of what the step makes are those of a network of the user's."""
    return bool([step, *step.inputs][-1].stage.files)


def _network(source: Step | Path | None, networks: Networks, context: Callable[[Step], Context]) -> Any:
    """A network with the layers of a teacher or an input; None where that takes an earlier stage's own network."""
    if isinstance(source, Path):
        return networks.borrow(str(source))
    step: Step | None = source
    while step is not None and not step.stage.removes_channels:
        if isinstance(step.stage, NetworkStage) and not step.stage.needs_input:
            return step.stage.network(context(step))
        step = step.input
    return None
