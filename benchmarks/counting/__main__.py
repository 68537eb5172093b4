"""What a small counter learns from a large one: ``python -m benchmarks.counting STUDY``.

- cells --data-dir FOLDER: nuclei in microscope images, FOLDER/cells with images/, points.csv and split.csv.
- crowd: drawn crowds, there without a download.
- sizes: bytes and latency of the networks, in turns.

The first two with three seeds, about a quarter of an hour a seed on one core. A result is one file in
results/counting; what is there is not made again, and what was stopped goes on where it was.
"""

import argparse
from pathlib import Path

from benchmarks.counting.sizes import keep_sizes
from benchmarks.run_study import measure

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "counting"
WORK = ROOT / "build" / "counting"
SEEDS = (0, 1, 2)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.counting", description=__doc__)
    parser.add_argument("study", choices=["cells", "crowd", "sizes"], help="what to measure")
    parser.add_argument("--data-dir", type=Path, help="where the folder cells lies")
    parser.add_argument("--seeds", type=int, nargs="*", default=SEEDS, help=f"{' '.join(map(str, SEEDS))} by default")
    words = parser.parse_args()
    if words.study == "sizes":
        keep_sizes(RESULTS)
        return
    for seed in words.seeds:
        kept = RESULTS / f"{words.study}-seed{seed}.json"
        measure(kept, Path(__file__).parent / f"{words.study}.toml", WORK, (), seed, words.data_dir)


if __name__ == "__main__":
    main()
