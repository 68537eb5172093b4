"""The results of a run, from what its artifacts and the latencies on this machine say."""

import time
from collections.abc import Mapping

from compress import config
from compress.artifacts.files import fingerprint
from compress.pipeline import machine, measured, run_folder
from compress.pipeline.changed_settings import changed
from compress.pipeline.make import Made
from compress.pipeline.plan import Plan, Step
from compress.results import DataFacts, FileFacts, Latency, MadeFacts, NetworkFacts, Run, StageResult


def results(plan: Plan, artifacts: Made, latencies: Mapping[str, Latency], seconds: Mapping[str, float]) -> Run:
    """What a run gave; ``seconds`` is its account."""
    data, table = plan.dataset, config.as_dict(plan.pipeline.data)
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
        changed=changed(plan.pipeline),
        goals=plan.pipeline.report.goals.asked,
        command=machine.command(),
        data=DataFacts(
            name=data.name,
            label_names=list(data.label_names),
            shape=list(data.shape),
            train=len(data.train),
            validation=len(data.validation),
            test=len(data.test),
            fingerprint=data.fingerprint,
            notes=list(data.notes),
            config=table if table.get("name") == data.name else {},
        ),
        seconds=dict(seconds),
        stages=[_of_stage(step, plan, artifacts, latencies.get(step.stage.name)) for step in plan.steps],
    )


def _of_stage(step: Step, plan: Plan, artifacts: Made, latency: Latency | None) -> StageResult:
    artifact, cached = artifacts[step.key]
    exported = artifacts[plan.exports[step.stage.name].key][0]
    file = exported.facts_as(FileFacts)
    network = None if step.stage.is_final else artifact.facts_as(NetworkFacts)
    own: NetworkFacts | FileFacts = network or file
    # the seconds of an export stand once: with the export stage, where the pipeline has one of this network
    own_row = plan.exports[step.stage.name].key in {other.key for other in plan.steps}
    causes = [part.facts_as(MadeFacts).seconds for part in ([artifact] if own_row else [artifact, exported])]
    return StageResult(
        name=step.stage.name,
        kind=step.stage.kind,
        reads=[source.stage.name for source in (step.input, *step.teachers) if isinstance(source, Step)],
        key=step.key,
        cached=cached,
        **measured.of_stage(step, artifact, exported, plan),
        whole_images=network.whole_images if network else None,
        closeness_to_float=measured.closeness_to_float(step, plan, artifacts),
        precision=own.precision,
        params=own.params,
        kernel_sparsity=own.kernel_sparsity,
        sparsity_schedule=network.sparsity_schedule if network else None,
        sparsity_steps=network.sparsity_steps if network else [],
        narrowing=network.narrowing if network else None,
        tflite_bytes=file.tflite_bytes,
        sparse_tflite_bytes=file.sparse_tflite_bytes,
        gzip_bytes=file.gzip_bytes,
        sha256=fingerprint(exported.path / "model.tflite")["sha256"],
        operators=file.operators,
        float_operators=file.float_operators,
        float_layers=file.float_layers,
        requantizations=file.requantizations,
        onnx=file.onnx,
        latency=latency,
        seconds={
            cause: round(sum(part.get(cause, 0.0) for part in causes), 3)
            for cause in sorted({cause for part in causes for cause in part})
        },
        history=run_folder.history(artifact),
    )
