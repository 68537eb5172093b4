"""Which of the raw results are of the profile as it is today: others are neither taken for made nor shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks import run_study
from benchmarks.paper2022 import epochs, latency, sizes
from benchmarks.paper2022.profile import TABLES, Point, Profile, points
from benchmarks.raw import read_result
from benchmarks.studies import NetworksInTurns, TaughtEpochs, UntrainedSizes
from compress import config
from compress.errors import UserError
from compress.results import Run


@dataclass(frozen=True)
class Today:
    """The results of today's profile, and the names of the files that are of another one."""

    runs: list[Run]
    studies: list[Any]
    others: list[str]


def read_kept(folder: Path) -> dict[str, Any]:
    """All raw results by their names, without the ending. Raises UserError for one that cannot be read."""
    try:
        return {path.stem: read_result(path) for path in sorted(folder.glob("*.json"))}
    except UserError as error:
        raise UserError(f"{error}; remove the file, and it is made again") from error


def is_of(result: Any, point: Point, fingerprint: str | None = None) -> bool:
    """Whether the result is of the point as it is today: seed, settings, pipeline (comments apart), and the data, whose
    ``fingerprint`` is None where they were not read."""
    same = run_study.is_of(result, point.file, point.settings, point.seed)
    return same and fingerprint in (None, result.data.fingerprint) and not changed_since(result, point.settings)


def changed_since(run: Run, settings: Sequence[str]) -> bool:
    """Whether a network in a file that the settings name was written after the run had finished."""
    named = (text.partition("=") for text in settings)
    paths = [Path(config.value(value)) for field, _, value in named if field.endswith(".saved_model")]
    files = [file for path in paths for file in (path, *path.rglob("*")) if file.is_file()]
    finished = datetime.fromisoformat(run.finished).timestamp() if run.finished else 0.0
    return any(file.stat().st_mtime > finished for file in files)


def today(profile: Profile, seeds: Sequence[int], fingerprints: Mapping[str, str], kept: Mapping[str, Any]) -> Today:
    """Those of the profile's seeds and of ``seeds``.

    ``fingerprints``: table -> the fingerprint of its data, where these were read.
    """
    runs = {
        point.name: kept[point.name]
        for table in TABLES
        for seed in dict.fromkeys((*profile.seeds_for(table), *seeds))
        for point in points(profile, table, seed)
        if is_of(kept.get(point.name), point, fingerprints.get(table))
    }
    own = [run for run in runs.values() if run.pipeline != "recipe"]
    sides = profile.sides or tuple({run.data.shape[0] for run in own})

    def is_shown(name: str, result: Any) -> bool:
        if isinstance(result, UntrainedSizes):
            networks = (profile.networks.teacher, profile.networks.student)
            return result.network in networks and all(sizes.is_of(result, len(run.data.label_names)) for run in own)
        if isinstance(result, NetworksInTurns):
            return latency.is_of(result, runs.values()) and (name.startswith("latency-recipe") or result.side in sides)
        return isinstance(result, TaughtEpochs) and epochs.is_of_today(result)

    studies = {name: result for name, result in kept.items() if name not in runs and is_shown(name, result)}
    others = [name for name in kept if name not in runs and name not in studies]
    return Today(list(runs.values()), list(studies.values()), others)
