"""Where the numbers come from: what was run, on what, with which settings."""

from collections.abc import Mapping, Sequence
from typing import Any

from compress.results import Changed, Run


def provenance(run: Run) -> dict[str, Any]:
    """Facts by group, each a list of [name, value] as text."""
    data = run.data
    machine = {**run.machine}
    if "memory_gb" in machine:
        machine["memory"] = f"{machine.pop('memory_gb')} GB"
    splits = {"train": data.train, "validation": data.validation, "test": data.test}
    return {
        "run": facts(
            {
                "pipeline": run.pipeline,
                "command": run.command,
                "settings": ", ".join(run.settings),
                "seed": run.seed,
                "finished": run.finished,
            }
        ),
        "data": facts(
            {
                "name": data.name,
                "task": run.task["name"],
                "shape": " x ".join(map(str, data.shape)),
                **{f"{split} images": f"{count:,}" for split, count in splits.items() if count is not None},
                "fingerprint": data.fingerprint,
                "labels": ", ".join(data.label_names),
            }
        ),
        "machine": facts(machine),
        "versions": facts(run.versions),
        "files": [[stage.name, f"sha256 {stage.sha256}"] for stage in run.stages if stage.sha256],
        "notes": list(data.notes),
        "config": run.config_toml.strip(),
    }


def facts(facts: Mapping[str, Any]) -> list[list[str]]:
    """[name, value] of each that is known, as text."""
    return [[name.replace("_", " "), str(value)] for name, value in facts.items() if value not in (None, "")]


def changed(settings: Sequence[Changed]) -> list[dict[str, str]]:
    """The settings that differ from their defaults, as text."""
    return [
        {
            "table": setting.table,
            "key": setting.key,
            "value": _told(setting.value),
            "default": _told(setting.default),
        }
        for setting in settings
    ]


def _told(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_told, value)) or "none"
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
