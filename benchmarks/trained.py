"""How the stages of runs were trained, in a sentence: epochs, batches, optimizer and rates."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

from benchmarks.format import listed
from compress import config
from compress.results import Run, StageResult
from compress.training import Training

DEFAULTS = {field.name: field.default for field in fields(Training) if field.default is not MISSING}


def trained(runs: Sequence[Run]) -> str:
    """Of stages that were trained alike, together: "teacher, student: 12 epochs in batches of 32, ....";
    "" where nothing was trained.

    A stage that was trained in several ways, as in a sweep of its settings, is told with all of them.
    """
    ways: dict[str, list[dict[str, str]]] = {}
    for run in runs:
        for stage in run.stages:
            if stage.history:
                ways.setdefault(stage.name, []).append(_training(run, stage))
    alike: dict[str, list[str]] = {}
    for name, own in ways.items():
        alike.setdefault(_told(own), []).append(name)
    sentence = "; ".join(f"{', '.join(names)}: {words}" for words, names in alike.items())
    return f"{sentence}." if sentence else ""


def _training(run: Run, stage: StageResult) -> dict[str, str]:
    """What is said of a stage's training, piece by piece."""
    settings = {**DEFAULTS, **settings_of(run, stage.name)}
    is_sgd = settings["optimizer"] == "sgd"
    return {
        "epochs": str(len(stage.history)),
        "initialization": str((settings.get("method") or {}).get("init_epochs", "")),
        "batch": str(settings["batch_size"]),
        "optimizer": settings["optimizer"] + (f" with momentum {settings['momentum']:g}" if is_sgd else ""),
        "rate": f"{settings['learning_rate']:g}",
        "schedule": _schedule(settings),
        "decay": f"weight decay {settings['weight_decay']:g}" if settings["weight_decay"] else "no weight decay",
    }


def _schedule(settings: Mapping[str, Any]) -> str:
    warmup = settings["warmup_epochs"]
    first = f"{warmup} epoch{'s' if warmup > 1 else ''} of warm-up, then " if warmup else ""
    if settings["schedule"] == "steps":
        return f"{first}divided by 10 after epochs {listed(map(str, settings['drop_after']), 'and')}"
    return first + str(settings["schedule"]).replace("_", " with ")


def _told(own: Sequence[Mapping[str, str]]) -> str:
    said = {key: listed(sorted({way[key] for way in own}, key=lambda text: (len(text), text)), "or") for key in own[0]}
    initialization = f", {said['initialization']} of them for initialization," if said["initialization"] else ""
    return (
        f"{said['epochs']} epoch{'s' if said['epochs'] != '1' else ''}{initialization} in batches of {said['batch']}, "
        f"{said['optimizer']}, learning rate {said['rate']} ({said['schedule']}), {said['decay']}"
    )


def settings_of(run: Run, table: str) -> dict[str, Any]:
    """A table of the run's pipeline, or one of its stages, with what the settings changed."""
    toml = tomllib.loads(run.config_toml)
    stages = {stage["name"]: stage for stage in toml.get("stage", [])}
    raw = dict(stages.get(table, toml.get(table, {})))
    for setting in run.settings:
        *path, key = setting.partition("=")[0].split(".")
        if path == [table]:
            raw[key] = value_of([setting], f"{table}.{key}")
        elif path[:1] == [table]:
            raw[path[1]] = {**raw.get(path[1], {}), key: value_of([setting], ".".join([*path, key]))}
    return raw


def value_of(settings: Sequence[str], field: str) -> Any:
    """What a run's settings say of a field; None if nothing. The last one counts."""
    return next((config.value(text.partition("=")[2]) for text in settings[::-1] if text.startswith(f"{field}=")), None)
