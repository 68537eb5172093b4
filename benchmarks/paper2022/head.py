"""How the runs of a table were trained, in a paragraph: data, seeds, and epochs and rates stage by stage."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

from benchmarks.paper2022.profile import value_of
from compress.results import Run, StageResult
from compress.training import Training

DEFAULTS = {field.name: field.default for field in fields(Training) if field.default is not MISSING}


def head(runs: Sequence[Run]) -> str:
    """A stage that was trained in several ways, as in a sweep of its settings, is told with all of them."""
    data, seeds = runs[0].data, sorted({run.seed or 0 for run in runs})
    shape = "x".join(map(str, data.shape[:2]))
    changes = settings_of(runs[0], "data").get("augmentation")
    ways: dict[str, list[dict[str, str]]] = {}
    for run in runs:
        for stage in run.stages:
            if stage.history:
                ways.setdefault(stage.name, []).append(_training(run, stage))
    alike: dict[str, list[str]] = {}
    for name, own in ways.items():
        alike.setdefault(_told(own), []).append(name)
    how = "; ".join(f"{', '.join(names)}: {words}" for words, names in alike.items())
    return (
        f"{data.train:,} training and {data.test:,} test images of {data.name} at {shape}, "
        f"{'augmented' if changes else 'never augmented'}; seed{'s' if len(seeds) > 1 else ''} "
        f"{', '.join(map(str, seeds))}. {how}."
    )


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
    if settings["schedule"] == "steps":
        return f"divided by 10 after epochs {listed(map(str, settings['drop_after']), 'and')}"
    return str(settings["schedule"]).replace("_", " with ")


def _told(own: Sequence[Mapping[str, str]]) -> str:
    said = {key: listed(sorted({way[key] for way in own}, key=lambda text: (len(text), text)), "or") for key in own[0]}
    initialization = f", {said['initialization']} of them for initialization," if said["initialization"] else ""
    return (
        f"{said['epochs']} epoch{'s' if said['epochs'] != '1' else ''}{initialization} in batches of {said['batch']}, "
        f"{said['optimizer']}, learning rate {said['rate']} ({said['schedule']}), {said['decay']}"
    )


def listed(words: Iterable[str], last: str) -> str:
    """As a sentence lists them.

    >>> listed(["1"], "or"), listed(["1", "2"], "and"), listed(["1", "2", "3"], "or")
    ('1', '1 and 2', '1, 2 or 3')
    """
    *first, end = words
    return f"{', '.join(first)} {last} {end}" if first else end


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
