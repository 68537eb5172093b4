"""The paper's tables: ``python -m benchmarks.paper2022 [--tables 8 3 sizes ...] [--seeds 0] [--data-dir FOLDER]``.

--profile FILE names networks, data, epochs, seeds and tables; by default it is cpu.toml beside this file, whose results
are kept in benchmarks/results/paper2022 and shown in RESULTS.md here. Those of any other go to runs/paper2022-NAME.
What is there is not made again, and what was stopped goes on where it was. Several processes may work on different
tables at once: they share the store. Beside the tables there are sizes (files of untrained networks at 224x224),
latency (of the networks that table 8 left, in turns; while nothing else runs) and epochs (what a teacher adds to one).
"""

import argparse
import json
import os
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import run_study, tables
from benchmarks.paper2022 import epochs, latency, sizes
from benchmarks.paper2022.document import document
from benchmarks.paper2022.plot import pictures
from benchmarks.paper2022.profile import HERE, PARTS, TABLES, Point, Profile, points, read
from benchmarks.paper2022.results import Measured
from compress.artifacts.files import replace
from compress.errors import UserError, unknown
from compress.pipeline import links, plan
from compress.report.style import png
from compress.results import Run

ROOT = Path(__file__).parents[2]
WORK = ROOT / "build" / "paper2022"
SHIPPED = HERE / "cpu.toml"


@dataclass(frozen=True)
class Folders:
    """Where a profile's raw results, pictures and RESULTS.md go; its runs, and the store that all profiles share."""

    results: Path
    plots: Path
    document: Path
    runs: Path
    store: Path

    @classmethod
    def of(cls, profile: Path) -> "Folders":
        if profile.resolve() == SHIPPED:
            kept = (tables.HERE / "results" / "paper2022", tables.HERE / "plots", tables.PAPER_RESULTS)
        else:
            own = Path("runs") / f"paper2022-{profile.stem}"
            kept = (own / "results", own, own / "RESULTS.md")
        return cls(*kept, WORK / "runs" / profile.stem, WORK / "store")


def is_there(kept: Path, point: Point) -> bool:
    """Whether the result is of the point as it is today: seed, settings and pipeline, comments apart."""
    if not kept.exists():
        return False
    content = json.loads(kept.read_text())
    now = (point.seed, list(point.settings), tomllib.loads(point.file.read_text()))
    return (content["seed"], content["settings"], tomllib.loads(content["config_toml"])) == now


def make(
    profile: Profile, parts: Sequence[str], seeds: Sequence[int] | None, folders: Folders, data: Path | None
) -> None:
    """Makes what is not there. Raises UserError, before anything is trained, for a point that cannot work."""
    chosen = [part for part in parts if part in TABLES]
    wanted = [
        point
        for table in chosen
        for seed in (profile.seeds_for(table) if seeds is None else seeds)
        for point in points(profile, table, seed)
    ]
    for point in wanted:
        check(point, data)
    for point in wanted:
        kept = folders.results / f"{point.name}.json"
        if is_there(kept, point):
            print(f"{kept.name} is there", flush=True)
        else:
            kept.unlink(missing_ok=True)
            run_study.measure_in(kept, point.pipeline(), folders.runs / kept.stem, folders.store, data)
    if "sizes" in parts:
        sizes.keep_sizes(profile, len(dataset(profile, data).label_names), folders.results)
    if "latency" in parts:
        for seed in profile.seeds_for("8") if seeds is None else seeds:
            for side in profile.sides or dataset(profile, data).shape[:1]:
                files = partial(latency.files_of, folders.runs / f"table-8-seed{seed}" / "table8", side)
                latency.keep_latency(folders.results / f"latency-{side}-seed{seed}.json", side, seed, files)
        if "recipe" in profile.tables:
            for seed in profile.seeds_for("recipe") if seeds is None else seeds:
                run = folders.runs / f"table-recipe-seed{seed}" / "recipe"
                kept = folders.results / f"latency-recipe-seed{seed}.json"
                latency.keep_latency(kept, 32, seed, partial(latency.recipe_files, run))
    if "epochs" in parts:
        epochs.keep_epochs(folders.results)


def check(point: Point, data: Path | None) -> None:
    """Raises UserError, with the point, for what cannot work."""
    try:
        pipeline = point.pipeline()
        links(pipeline)
        task = plan(pipeline, run_study.dataset(pipeline.data, data)).task
        if task.name != "classification":
            raise UserError(f"the paper's tables are of a classification, the data are for {task.name}")
    except UserError as error:
        raise UserError(f"{point.name}: {error}") from error


def dataset(profile: Profile, data: Path | None) -> Any:
    """The profile's data."""
    (point, *_) = points(profile, "8", 0)
    return run_study.dataset(point.pipeline().data, data)


def write(folders: Folders) -> None:
    """RESULTS.md and the pictures, of what is there."""
    files = sorted(folders.results.glob("*.json"))
    read_ones = [tables.read_result(path) for path in files]
    runs = [each for each in read_ones if isinstance(each, Run)]
    measured = Measured.of(runs, read_ones)
    folders.plots.mkdir(parents=True, exist_ok=True)
    for name, draw in pictures(measured).items():
        replace(folders.plots / name, png(draw()))
    link = os.path.relpath(folders.plots, folders.document.parent)
    replace(folders.document, document(measured, Path(link).as_posix()))
    print(f"tables: {folders.document}")


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.paper2022", description=__doc__)
    parser.add_argument(
        "--profile",
        type=Path,
        default=SHIPPED,
        help="a TOML file of networks, data, epochs, seeds and tables (cpu.toml)",
    )
    parser.add_argument("--tables", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; the profile's by default")
    parser.add_argument("--seeds", type=int, nargs="*", help="the profile's for each table by default")
    parser.add_argument("--data-dir", type=Path, help="where cifar-10-python.tar.* lies, or data of your own")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    words = parser().parse_args(arguments)
    try:
        profile = read(words.profile)
        parts = profile.tables if words.tables is None else words.tables  # none: RESULTS.md alone
        for part in parts:
            if part not in PARTS:
                raise unknown("table", part, PARTS)
        folders = Folders.of(words.profile)
        make(profile, parts, words.seeds, folders, words.data_dir)
        write(folders)
    except UserError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
