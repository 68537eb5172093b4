"""Makes what a plan lacks, in order; what is in the store is not made again."""

import gc
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from compress import keras
from compress.artifacts import Artifact, Store
from compress.clock import Clock
from compress.pipeline.context import context
from compress.pipeline.networks import Networks
from compress.pipeline.plan import Plan, Step
from compress.pipeline.take_part import Call
from compress.progress import duration
from compress.results import FACTS_SCHEMA, FileFacts, MadeFacts, NetworkFacts
from compress.training import ONE_DEVICE, Progress, Strategy, csv_history

Made = dict[str, tuple[Artifact, bool]]
"""Key -> the artifact, and whether it was there before."""


@cache
def load_libraries() -> None:
    """Loads TensorFlow and what works on it, once a process."""
    _ = keras.tf, keras.tfmot.sparsity
    # graphs are millions of long-lived objects: walking them again and again took a tenth of saving and loading
    gc.freeze()
    gc.set_threshold(200_000, 50, 100)


def make(
    plan: Plan,
    store: Store,
    networks: Networks,
    progress: Progress,
    clock: Clock,
    callbacks: Callable[[str], tuple[Any, ...]] = lambda stage: (),
    finished: Callable[[int, str, Path], None] = lambda number, stage, artifact: None,
    strategy: Strategy = ONE_DEVICE,
) -> Made:
    """Makes what the plan lacks, in order; ``finished(number, stage, its artifact's folder)`` is called for each.

    Where a ``strategy`` has several workers, this is the chief's part; the others' is ``take_part``.
    """
    artifacts: Made = {}
    for number, step in enumerate(plan.steps, start=1):
        progress.begin(number, len(plan.steps), step.stage.name, step.stage.kind)
        for part in _parts(plan, step):
            if part.key not in artifacts:
                artifacts[part.key] = _ensure(part, plan, store, networks, progress, clock, callbacks, strategy)
        finished(number, step.stage.name, artifacts[step.key][0].path)
        progress.end(_line_about(step, plan, artifacts))
    return artifacts


def _parts(plan: Plan, step: Step) -> list[Step]:
    """The step itself and how it is measured, once where that is the same."""
    export = plan.exports[step.stage.name]
    return [step] if export is step else [step, export]


def _ensure(
    step: Step,
    plan: Plan,
    store: Store,
    networks: Networks,
    progress: Progress,
    clock: Clock,
    callbacks: Callable[[str], tuple[Any, ...]],
    strategy: Strategy,
) -> tuple[Artifact, bool]:
    """The step's artifact, and whether it was there already."""
    call = Call(strategy, step)
    if artifact := store.find(step.key):
        call.to_nothing()
        return artifact, True

    def build(out: Path, scratch: Path) -> dict[str, Any]:
        before = dict(clock.seconds)
        epochs_before = csv_history.read_rows(scratch / "history.csv")  # those of a run that was interrupted
        earlier = sum(float(row["seconds"]) for row in epochs_before)
        if step.stage.is_final:
            progress.doing("exporting to .tflite and comparing it with Keras", logged=True)
        call.to_train(scratch)
        facts = step.stage.make(context(step, plan, networks, progress, clock, callbacks, strategy), out, scratch)
        seconds = clock.since(before)
        if earlier:
            seconds["training"] = round(seconds.get("training", 0.0) + earlier, 3)
        return {
            "schema": FACTS_SCHEMA,
            "kind": step.stage.kind,
            "name": step.stage.name,
            "pipeline": plan.pipeline.name,
            "provenance": step.provenance,
            **asdict(facts),
            "seconds": seconds,
        }

    def waiting() -> None:
        progress.doing("another run is making this stage in the same store: waiting for it", logged=True)

    artifact = store.make(step.key, build, waiting)
    call.to_nothing()
    return artifact, False


def _line_about(step: Step, plan: Plan, made: Made) -> str:
    """What a finished stage is worth, and what it took: "top-1 98.05%, 27.92 MB, 0:54"."""
    (own, was_there), (export, _) = made[step.key], made[plan.exports[step.stage.name].key]
    metric, file = plan.task.METRICS[0], export.facts_as(FileFacts)
    score = file.score if step.stage.is_judged_by_file else own.facts_as(NetworkFacts).score
    size = min(file.tflite_bytes, file.sparse_tflite_bytes) / 1e6
    parts = [own] if own.key == export.key else [own, export]
    seconds = sum(sum(part.facts_as(MadeFacts).seconds.values()) for part in parts)
    took = f"{'exported' if step.stage.is_final else 'made'} before" if was_there else duration(seconds)
    return f"{metric.title} {metric.compact(score)}, {size:.2f} MB, {took}"
