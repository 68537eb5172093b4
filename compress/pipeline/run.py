"""Makes what a plan lacks, in order, then measures it; what is in the store is not made again."""

import gc
import time
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from compress import artifacts, config, keras
from compress.artifacts import Artifact, Store
from compress.clock import Clock
from compress.pipeline import host_latency, machine, measured, preflight, run_folder
from compress.pipeline.context import context
from compress.pipeline.networks import Networks
from compress.pipeline.plan import Plan, Step
from compress.results import DataFacts, Latency, Run, Schedule, SparsityStep, StageResult, as_json
from compress.training import Progress, csv_history

# fields of StageResult that only the exported file knows
OF_FILE = (
    "tflite_bytes", "sparse_tflite_bytes", "gzip_bytes",
    "operators", "float_operators", "float_layers", "requantizations",
)  # fmt: skip

Made = dict[str, tuple[Artifact, bool]]
"""Key -> the artifact, and whether it was there before."""


def run(
    plan: Plan,
    store: Store,
    runs: Path,
    progress: Progress,
    clock: Clock,
    callbacks: Callable[[str], tuple[Any, ...]] = lambda stage: (),
    force: bool = False,
) -> Run:
    """Runs the plan; returns the results, which are also written to ``runs/<pipeline>/run.json``."""
    folder = runs / plan.pipeline.name
    with clock("import"):
        load_libraries()
    networks = Networks(plan, store, clock, progress.say)
    look_ahead(plan, store, networks, progress, clock, force)
    artifacts_by_key = make(plan, store, networks, progress, clock, callbacks, partial(run_folder.link, folder))
    run_folder.drop_after(folder, len(plan.steps))
    with clock("latency"):
        progress.say("measuring latency on this host")
        timed = latencies(plan, store, artifacts_by_key)
    results_of_run = results(plan, artifacts_by_key, timed, machine.account(clock))
    artifacts.files.write_json(folder / "run.json", artifacts.files.seal(as_json(results_of_run)))
    return results_of_run


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
) -> Made:
    """Makes what the plan lacks, in order; ``finished(number, stage, its artifact's folder)`` is called for each."""
    made: Made = {}
    for number, step in enumerate(plan.steps, start=1):
        progress.begin(number, len(plan.steps), step.stage.name, step.stage.kind)
        for part in _parts(plan, step):
            if part.key in made:
                progress.say("    was exported right after the stage that it reads")
            else:
                made[part.key] = _ensure(part, plan, store, networks, progress, clock, callbacks)
        finished(number, step.stage.name, made[step.key][0].path)
    return made


def latencies(plan: Plan, store: Store, made: Made) -> dict[str, Latency]:
    """Stage -> latency of its file on this machine; call it while nothing else runs."""
    return {name: host_latency.latency(store, made[export.key][0]) for name, export in plan.exports.items()}


def results(plan: Plan, made: Made, latencies: Mapping[str, Latency], seconds: Mapping[str, float]) -> Run:
    """What a run gave; ``seconds`` is its account."""
    data = plan.dataset
    return Run(
        pipeline=plan.pipeline.name,
        seed=plan.pipeline.seed,
        task=config.as_dict(plan.task),
        metrics=list(plan.task.METRICS),
        closeness=plan.task.CLOSENESS,
        finished=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        machine=machine.describe(),
        versions=machine.versions(),
        config_toml=plan.pipeline.text,
        settings=list(plan.pipeline.settings),
        data=DataFacts(
            name=data.name,
            label_names=list(data.label_names),
            shape=list(data.shape),
            train=len(data.train),
            validation=len(data.validation),
            test=len(data.test),
            fingerprint=data.fingerprint,
            notes=list(data.notes),
        ),
        seconds=dict(seconds),
        stages=[_record(step, plan, made, latencies.get(step.stage.name)) for step in plan.steps],
    )


def look_ahead(
    plan: Plan, store: Store, networks: Networks, progress: Progress, clock: Clock, force: bool = False
) -> None:
    """Raises UserError for networks of the user's own that a stage which will run could not work with.

    ``force`` lets trained networks pass that know no more of the data than chance.
    """
    preflight.check(
        [step for step in plan.steps if store.find(step.key) is None],
        networks,
        lambda step: context(step, plan, networks, progress, clock),
        force,
    )


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
) -> tuple[Artifact, bool]:
    """The step's artifact, and whether it was there already."""
    is_final = step.stage.is_final
    if found := store.find(step.key):
        progress.say(f"    {'exported' if is_final else 'made'} before: {found.path}")
        return found, True

    def build(out: Path, scratch: Path) -> dict[str, Any]:
        before = dict(clock.seconds)
        epochs_before = csv_history.read_rows(scratch / "history.csv")  # those of a run that was interrupted
        earlier = sum(float(row["seconds"]) for row in epochs_before)
        if is_final:
            progress.say("    exporting to .tflite and comparing it with Keras on the test split")
        facts = step.stage.make(context(step, plan, networks, progress, clock, callbacks), out, scratch)
        seconds = clock.since(before)
        if earlier:
            seconds["training"] = round(seconds.get("training", 0.0) + earlier, 3)
        return {
            "schema": 1,
            "kind": step.stage.kind,
            "name": step.stage.name,
            "pipeline": plan.pipeline.name,
            "provenance": step.provenance,
            **facts,
            "seconds": seconds,
        }

    waiting = lambda: progress.say("    another run is making this stage in the same store: waiting for it")  # noqa: E731
    return store.make(step.key, build, waiting), False


def _record(step: Step, plan: Plan, made: Made, latency: Latency | None) -> StageResult:
    artifact, cached = made[step.key]
    exported = made[plan.exports[step.stage.name].key][0]
    facts = {**exported.facts, **artifact.facts}
    # the seconds of an export stand once: with the export stage, where the pipeline has one of this network
    own_row = plan.exports[step.stage.name].key in {other.key for other in plan.steps}
    causes = [artifact.facts["seconds"]] + ([] if own_row else [exported.facts["seconds"]])
    schedule, steps = facts.get("sparsity_schedule"), facts.get("sparsity_steps", [])
    return StageResult(
        name=step.stage.name,
        kind=step.stage.kind,
        reads=[source.stage.name for source in (step.input, *step.teachers) if isinstance(source, Step)],
        key=step.key,
        cached=cached,
        **measured.of_stage(step, artifact, exported, plan),
        closeness_to_float=measured.closeness_to_float(step, plan, made),
        precision=facts["precision"],
        params=facts["params"],
        kernel_sparsity=facts["kernel_sparsity"],
        sparsity_schedule=None if schedule is None else Schedule(**schedule),
        sparsity_steps=[SparsityStep(**row) for row in steps],
        **{name: exported.facts[name] for name in OF_FILE},
        latency=latency,
        seconds={
            cause: round(sum(part.get(cause, 0.0) for part in causes), 3)
            for cause in sorted({cause for part in causes for cause in part})
        },
        history=run_folder.history(artifact),
    )
