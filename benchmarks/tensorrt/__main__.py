"""What the ONNX files for TensorRT are worth: ``python -m benchmarks.tensorrt STUDY``.

- families [NETWORK ...]: each family of keras.applications on the digits, in int8 on symmetric grids: does its ONNX
  file pass the checks, and agree with its .tflite? (about two minutes a network on two cores)
- grids: what symmetric grids cost, DenseNet121 on the digits and, with --data-dir, ResNet-20 on CIFAR-10.

A result is one file in results/tensorrt; what is there is not made again.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import run_study
from benchmarks.narrow.networks import FAMILY_SETTINGS

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "tensorrt"
WORK = ROOT / "build" / "tensorrt"
CIFAR = (
    "data.name=cifar10",
    "data.train_images=10000",
    "data.test_images=2500",
    "trained.model=resnet20",
    "trained.epochs=15",
)


def measure(name: str, file: str, settings: Sequence[str], seed: int, data_dir: Path | None = None) -> None:
    """One run of a pipeline of this folder, kept as results/tensorrt/NAME.json."""
    run_study.measure(RESULTS / f"{name}.json", Path(__file__).parent / file, WORK, settings, seed, data_dir)


def families(names: Sequence[str]) -> None:
    if len(names) == 1:
        (name,) = names
        settings = [setting for setting in FAMILY_SETTINGS[name] if not setting.startswith("narrowed.")]
        measure(f"family-{name}", "families.toml", [f"trained.model={name}", *settings], 0)
        return
    for name in names or FAMILY_SETTINGS:  # each in a process of its own; one that fails does not stop the others
        subprocess.run([sys.executable, "-m", "benchmarks.tensorrt", "families", name], check=False)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tensorrt", description=__doc__)
    parser.add_argument("study", choices=["families", "grids"], help="what to measure")
    parser.add_argument("names", nargs="*", help="networks of families, all by default")
    parser.add_argument("--data-dir", type=Path, help="where cifar-10-python.tar.* lies")
    parser.add_argument("--seeds", type=int, nargs="*", default=(0, 1, 2), help="of grids (0 1 2)")
    words = parser.parse_args()
    if words.study == "families":
        families(words.names)
        return
    for seed in words.seeds:
        if words.data_dir is None:
            measure(f"grids-digits-densenet121-seed{seed}", "grids.toml", [], seed)
        else:
            measure(f"grids-cifar10-resnet20-seed{seed}", "grids.toml", CIFAR, seed, words.data_dir)


if __name__ == "__main__":
    main()
