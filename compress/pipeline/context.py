"""What a stage of a plan is given to work with."""

from collections.abc import Callable
from functools import partial
from typing import Any

from compress.clock import Clock
from compress.pipeline.networks import Networks
from compress.pipeline.plan import Plan, Step
from compress.progress import Progress
from compress.stages import Context
from compress.training import ONE_DEVICE, Strategy


def context(
    step: Step,
    plan: Plan,
    networks: Networks,
    progress: Progress,
    clock: Clock,
    callbacks: Callable[[str], tuple[Any, ...]] = lambda stage: (),
    strategy: Strategy = ONE_DEVICE,
) -> Context:
    """For the stage of ``step``; ``callbacks`` gives Keras's callbacks for a stage's name."""
    data = plan.pipeline.data
    return Context(
        dataset=plan.dataset,
        task=plan.task,
        augmentation=data.augmentation,
        seed=plan.pipeline.seed,
        fit=getattr(data, "fit", "stretch"),
        clock=clock,
        progress=progress,
        load=networks.borrow if step.stage.is_final else networks.checkout,
        outputs=networks.outputs,
        validation_outputs=networks.validation_outputs,
        training_outputs=networks.training_outputs,
        facts=networks.facts,
        timings=networks.timings,
        finished=partial(networks.keep, step.key),
        callbacks=callbacks(step.stage.name),
        strategy=strategy,
    )
