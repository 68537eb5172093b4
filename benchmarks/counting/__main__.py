"""What a small counter learns from a large one: ``python -m benchmarks.counting STUDY``.

- cells --data-dir FOLDER: nuclei in microscope images, FOLDER/cells with images/, points.csv and split.csv.
- crowd: drawn crowds, there without a download.
- sizes: bytes and latency of the networks, in turns.

The first two with three seeds, about a quarter of an hour a seed on one core. A result is one file in
results/counting; what is there is not made again, and what was stopped goes on where it was.
"""

import argparse
import shutil
from pathlib import Path

from benchmarks.counting.sizes import keep_sizes
from compress.artifacts import Store
from compress.clock import Clock
from compress.pipeline import plan, read_pipeline
from compress.pipeline import run as run_plan
from compress.training import Progress

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "counting"
WORK = ROOT / "build" / "counting"
SEEDS = (0, 1, 2)


def measure(study: str, seed: int, data_dir: Path | None) -> None:
    """One run of a pipeline of this folder, kept as results/counting/STUDY-seedN.json."""
    kept = RESULTS / f"{study}-seed{seed}.json"
    if kept.exists():
        print(f"{kept.name} is there", flush=True)
        return
    pipeline = read_pipeline(str(Path(__file__).parent / f"{study}.toml"), (), seed)
    clock, progress, runs = Clock(), Progress(), WORK / "runs" / kept.stem
    try:
        run_plan(plan(pipeline, pipeline.data.load(data_dir)), Store(WORK / "store"), runs, progress, clock)
    finally:
        progress.stop()
    RESULTS.mkdir(parents=True, exist_ok=True)
    shutil.copy(runs / pipeline.name / "run.json", kept)
    print(kept.name, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.counting", description=__doc__)
    parser.add_argument("study", choices=["cells", "crowd", "sizes"])
    parser.add_argument("--data-dir", type=Path, help="where the folder cells lies")
    parser.add_argument("--seeds", type=int, nargs="*", default=SEEDS)
    words = parser.parse_args()
    if words.study == "sizes":
        keep_sizes(RESULTS)
        return
    for seed in words.seeds:
        measure(words.study, seed, words.data_dir)


if __name__ == "__main__":
    main()
