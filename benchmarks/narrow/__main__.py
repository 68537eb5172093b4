"""What narrowing costs and gives: ``python -m benchmarks.narrow STUDY``.

- families [NETWORK ...]: each family of keras.applications on the digits, narrowed to half of its latency in int8,
  trained in int8 and exported (about two minutes a network on two cores).
- cifar --data-dir FOLDER: ResNet-56 and ResNet-20 on 2,500 images of CIFAR-10 at 0.75, 0.5 and 0.35 (ResNet-20: 0.4) of
  their latency, beside the same widths from the start and beside uniform narrowing, three seeds (about an hour).
- at224 RUN ...: the networks that `make pipeline MODEL=densenet121` left in these folders, as int8 files for images of
  224x224, beside DenseNet201 in float32, in turns.

A result is one file in results/narrow; what is there is not made again.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import run_study
from benchmarks.narrow import at224
from benchmarks.narrow.networks import FAMILY_SETTINGS

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "narrow"
WORK = ROOT / "build" / "narrow"
# with eight channels in every layer, the fewest, ResNet-20 takes 0.37 of its latency
SHARES, SEEDS = {"resnet56": (0.5, 0.75, 0.35), "resnet20": (0.5, 0.75, 0.4)}, (0, 1, 2)


def measure(name: str, file: str, settings: Sequence[str], seed: int, data_dir: Path | None = None) -> None:
    """One run of a pipeline of this folder, kept as results/narrow/NAME.json."""
    run_study.measure(RESULTS / f"{name}.json", Path(__file__).parent / file, WORK, settings, seed, data_dir)


def families(names: Sequence[str]) -> None:
    if len(names) == 1:
        (name,) = names
        measure(f"family-{name}", "families.toml", [f"trained.model={name}", *FAMILY_SETTINGS[name]], 0)
        return
    for name in names or FAMILY_SETTINGS:  # each in a process of its own, whose seconds are those of the one network
        subprocess.run([sys.executable, "-m", "benchmarks.narrow", "families", name], check=True)


def cifar(data_dir: Path | None) -> None:
    for seed in SEEDS:
        for network, shares in SHARES.items():
            for share in shares:
                settings = [f"trained.model={network}", f"narrowed.latency={share}", f"uniform.latency={share}"]
                measure(f"cifar-{network}-{round(100 * share)}-seed{seed}", "cifar.toml", settings, seed, data_dir)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.narrow", description=__doc__)
    parser.add_argument("study", choices=["families", "cifar", "at224"], help="what to measure")
    parser.add_argument("names", nargs="*", help="networks of families, all by default; folders of runs")
    parser.add_argument("--data-dir", type=Path, help="where cifar-10-python.tar.* lies")
    words = parser.parse_args()
    if words.study == "families":
        families(words.names)
    elif words.study == "at224":
        for folder in words.names:
            at224.keep_ratio(Path(folder), RESULTS)
    else:
        cifar(words.data_dir)


if __name__ == "__main__":
    main()
