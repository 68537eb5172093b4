"""The metadata of a model card: what the Hugging Face Hub reads of a model, in its own words.

License, data set and base model are left out: the Hub's names of them are not known here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from compress.report.model_card.tasks import on_card
from compress.results import Metric, Run, StageResult

LIBRARY = "litert"
STAGE_TAGS = {
    "distill": "knowledge-distillation",
    "narrow": "channel-pruning",
    "prune": "pruning",
    "quantize": "quantization",
}
"""Kind of a stage -> how the Hub's users call what it does."""


def metadata(run: Run, stage: StageResult, before: Sequence[StageResult], told: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata by their names on the Hub, ready for YAML; ``told`` is what model.json says."""
    task = run.task["name"]
    known = on_card(task)
    tag = known.pipeline_tag if is_of_images(told) else ""
    results = _results(run, stage)
    kinds = [STAGE_TAGS[other.kind] for other in before if other.kind in STAGE_TAGS]
    return {
        "library_name": LIBRARY,
        **({"pipeline_tag": tag} if tag else {}),
        "tags": list(dict.fromkeys(["tflite", stage.precision, task.replace("_", "-"), *kinds, "jetslim"])),
        **({"metrics": names} if (names := [known.metrics[key] for key in known.metrics if key in results]) else {}),
        **({"model-index": [_index(run, results, tag, known.metrics)]} if results else {}),
    }


def is_of_images(told: Mapping[str, Any]) -> bool:
    """Whether the file reads images of one or three colours, rather than other arrays."""
    return told["input"].get("colours") in ("grey", "RGB") and "resize" in told["preprocessing"]


def _results(run: Run, stage: StageResult) -> dict[str, tuple[Metric, float]]:
    """What was measured of the file on the test split and is better higher or lower, by key."""
    values = ((metric, stage.metrics.get(metric.key)) for metric in run.metrics if metric.better)
    return {metric.key: (metric, float(value)) for metric, value in values if value is not None}


def _index(run: Run, results: Mapping[str, tuple[Metric, float]], tag: str, names: Mapping[str, str]) -> dict[str, Any]:
    """The results as the Hub's model-index has them; a share is a fraction, other numbers are in their units."""
    return {
        "name": run.pipeline,
        "results": [
            {
                "task": {"type": tag or "other", "name": run.task["name"]},
                "dataset": {"type": run.data.name, "name": run.data.name, "split": "test"},
                "metrics": [
                    {"type": names.get(key, key), "value": round(value, 6), "name": metric.title}
                    for key, (metric, value) in results.items()
                ],
            }
        ],
    }
