"""The results of a run, from what its artifacts and the latencies on this machine say."""

import time
from collections.abc import Mapping

from compress import config
from compress.pipeline import machine, measured, run_folder
from compress.pipeline.make import Made
from compress.pipeline.plan import Plan, Step
from compress.results import DataFacts, Latency, Run, Schedule, SparsityStep, StageResult

# fields of StageResult that only the exported file knows
OF_FILE = (
    "tflite_bytes", "sparse_tflite_bytes", "gzip_bytes",
    "operators", "float_operators", "float_layers", "requantizations",
)  # fmt: skip


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
        stages=[_of_stage(step, plan, made, latencies.get(step.stage.name)) for step in plan.steps],
    )


def _of_stage(step: Step, plan: Plan, made: Made, latency: Latency | None) -> StageResult:
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
