"""The paper's tables: ``python -m benchmarks.paper2022 [--tables 8 3 sizes ...] [--seeds 0] [--data-dir FOLDER]``.

--profile FILE names networks, data, epochs, seeds and tables; by default it is cpu.toml beside this file, whose results
are kept in benchmarks/results/paper2022 and shown in RESULTS.md here. Those of any other go to runs/paper2022-NAME.
All is checked before anything is trained. What is there is not made again if it is of the profile and the data as they
are today, and what was stopped goes on where it was. RESULTS.md is written from what is there, also when a part fails
or is stopped. Several processes may work on different tables at once: they share the store. Beside the tables there are
sizes (files of untrained networks at 224x224), latency (of the networks that table 8 and the recipe left, in turns;
while nothing else runs) and epochs (what a teacher adds to one).
"""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import run_study, tables
from benchmarks.paper2022 import epochs, latency, sizes
from benchmarks.paper2022.check import check
from benchmarks.paper2022.document import document
from benchmarks.paper2022.plot import pictures
from benchmarks.paper2022.profile import PARTS, SHIPPED, read
from benchmarks.paper2022.results import Measured
from benchmarks.paper2022.study import Study
from benchmarks.paper2022.today import read_kept, today
from compress.artifacts.files import replace
from compress.errors import unknown
from compress.report.style import png

ROOT = Path(__file__).parents[2]
WORK = ROOT / "build" / "paper2022"


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
            kept = (tables.HERE / "results" / tables.STUDY, tables.HERE / "plots", tables.PAPER_RESULTS)
            return cls(*kept, WORK / "runs" / profile.stem, WORK / "store")
        own = Path("runs") / f"paper2022-{profile.stem}"
        return cls(own / "results", own, own / "RESULTS.md", own / "runs", WORK / "store")


def make(study: Study, folders: Folders) -> None:
    """Makes what is not there."""
    results, runs = folders.results, folders.runs
    for point in study.points:
        path = results / f"{point.name}.json"
        if study.is_there(point, read_kept(results)):
            print(f"{path.name} is there", flush=True)
        else:
            run_study.measure_in(path, point.pipeline(), runs / point.name, folders.store, study.data_dir)
    if "sizes" in study.parts:
        sizes.keep_sizes(study.profile, len(study.dataset.label_names), results, read_kept(results))
    kept = read_kept(results)
    for turns in study.turns(kept):
        latency.keep_latency(turns, kept[turns.run], runs, results, kept)
    if "epochs" in study.parts:
        epochs.keep_epochs(results, kept)


def write(study: Study, folders: Folders) -> None:
    """RESULTS.md and the pictures, of what is there of today's profile; names what is there of another one."""
    shown = today(study.profile, study.seeds or (), study.fingerprints, read_kept(folders.results))
    if shown.others:
        print(f"left out, not of today's profile or data: {', '.join(shown.others)} (in {folders.results})")
    measured = Measured.of(shown.runs, shown.studies)
    folders.plots.mkdir(parents=True, exist_ok=True)
    for name, draw in pictures(measured).items():
        replace(folders.plots / name, png(draw()))
    link = os.path.relpath(folders.plots, folders.document.parent)
    parts = {*study.profile.tables, *study.parts}
    goals = folders.document == tables.PAPER_RESULTS
    replace(folders.document, document(measured, Path(link).as_posix(), parts, goals))
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
    with run_study.ends_in_one_line():
        profile = read(words.profile)
        parts = profile.tables if words.tables is None else words.tables  # none: RESULTS.md alone
        for part in parts:
            if part not in PARTS:
                raise unknown("table", part, PARTS)
        folders = Folders.of(words.profile)
        study = Study(profile, parts, words.seeds, words.data_dir)
        check(study, folders.results, folders.runs, folders.store)
        try:
            make(study, folders)
        finally:
            write(study, folders)


if __name__ == "__main__":
    main()
