"""What a task measures of a stage, from the outputs that its artifacts keep."""

from collections.abc import Mapping
from typing import Any

from compress.artifacts import Artifact
from compress.artifacts.outputs_file import read_outputs
from compress.pipeline.plan import Plan, Step
from compress.stages.finish import TEST_OUTPUTS, VALIDATION_OUTPUTS
from compress.tasks import Arrays


def of_stage(step: Step, artifact: Artifact, export: Artifact, plan: Plan) -> dict[str, Any]:
    """The fields of ``results.StageResult`` that say how good the stage's file and its own network are.

    The network is judged by its raw outputs; where there is none (an export) and where the converter quantizes, since
    there the network is still the float one, the file is in its place.
    """
    in_file = _raw(plan, export, is_file=True)
    own = in_file if step.stage.is_judged_by_file else _raw(plan, artifact, is_file=False)
    task, targets = plan.task, plan.dataset.test.targets.arrays()
    validation_targets = plan.dataset.validation.targets.arrays()
    of_file, of_own = (
        task.measure(outputs["test"], targets, outputs["validation"], validation_targets) for outputs in (in_file, own)
    )
    return {
        "metrics": of_file,
        "network_metrics": of_own,
        "measured_on": ".tflite" if own is in_file else "network",
        "details": task.details(own["test"], targets),
        "closeness_to_network": export.facts["closeness_to_network"],
    }


def closeness_to_float(step: Step, plan: Plan, made: Mapping[str, tuple[Artifact, bool]]) -> float | None:
    """How close a quantized network's file is to the network before its quantization; None for any other stage."""
    quantized = next((one for one in (step, *step.inputs) if one.stage.quantizes), None)
    if quantized is None or quantized.input is None:
        return None
    got = _raw(plan, made[plan.exports[step.stage.name].key][0], is_file=True)["test"]
    return plan.task.close(got, read_outputs(made[quantized.input.key][0].path / TEST_OUTPUTS))


def _raw(plan: Plan, artifact: Artifact, is_file: bool) -> dict[str, Arrays]:
    """The raw outputs on the test and the validation split that an artifact keeps."""
    kept = {
        "test": read_outputs(artifact.path / TEST_OUTPUTS),
        "validation": read_outputs(artifact.path / VALIDATION_OUTPUTS),
    }
    if not is_file:
        return dict(kept)
    return {split: plan.task.from_file(outputs, artifact.facts["ends_in"]) for split, outputs in kept.items()}
