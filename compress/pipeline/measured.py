"""What a task measures of a stage, from the outputs that its artifacts keep."""

from collections.abc import Mapping
from typing import Any

from compress.artifacts import Artifact
from compress.artifacts.outputs_file import read_outputs
from compress.pipeline.plan import Plan, Step
from compress.results import FileFacts
from compress.stages.save_and_evaluate import TEST_OUTPUTS, VALIDATION_OUTPUTS
from compress.tasks import Arrays

KEPT = (TEST_OUTPUTS, VALIDATION_OUTPUTS)


def of_stage(step: Step, artifact: Artifact, export: Artifact, plan: Plan) -> dict[str, Any]:
    """The fields of ``results.StageResult`` that say how good the stage's file and its own network are.

    The network is judged by its raw outputs; where there is none (an export) and where the converter quantizes, since
    there the network is still the float one, the file is in its place.
    """
    by_file = step.stage.is_judged_by_file
    file_outputs = [_in_file(plan, export, file_name) for file_name in KEPT]
    own_outputs = file_outputs if by_file else [read_outputs(artifact.path / file_name) for file_name in KEPT]
    in_file = _metrics(plan, *file_outputs)
    return {
        "metrics": in_file,
        "network_metrics": in_file if by_file else _metrics(plan, *own_outputs),
        "measured_on": ".tflite" if by_file else "network",
        "details": plan.task.details(own_outputs[0], plan.dataset.test.targets.arrays()),
        "closeness_to_network": export.facts_as(FileFacts).closeness_to_network,
    }


def closeness_to_float(step: Step, plan: Plan, artifacts: Mapping[str, tuple[Artifact, bool]]) -> float | None:
    """How close a quantized network's file is to the network before its quantization; None for any other stage."""
    quantized = next((candidate for candidate in (step, *step.inputs) if candidate.stage.quantizes), None)
    if quantized is None or quantized.input is None:
        return None
    got = _in_file(plan, artifacts[plan.exports[step.stage.name].key][0], TEST_OUTPUTS)
    return plan.task.close(got, read_outputs(artifacts[quantized.input.key][0].path / TEST_OUTPUTS))


def _metrics(plan: Plan, test: Arrays, validation: Arrays) -> dict[str, Any]:
    targets = (split.targets.arrays() for split in (plan.dataset.test, plan.dataset.validation))
    return plan.task.measure(test, next(targets), validation, next(targets))


def _in_file(plan: Plan, export: Artifact, file_name: str) -> Arrays:
    """The raw outputs of a split that an export keeps of its file."""
    return plan.task.from_file(read_outputs(export.path / file_name), export.facts_as(FileFacts).ends_in)
