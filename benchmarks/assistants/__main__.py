"""Chains of teacher assistants on CIFAR-10: ``python -m benchmarks.assistants --data-dir FOLDER [--seed 0 ...]``.

Every arm is one of pipelines/assistants-*.toml with other settings; stages in common are trained once, and a study that
was stopped goes on where it was. A result is one file an arm and a seed in results/assistants; what is there is not
made again. 8,000 training and 5,000 test images, 6 epochs a network: about an hour on two cores.
"""

import argparse
import json
from pathlib import Path
from tomllib import loads
from typing import Any

from benchmarks.assistants.arms import ARMS
from benchmarks.assistants.plot import draw
from benchmarks.assistants.table import wrong_in_common
from benchmarks.record import keep
from benchmarks.studies import Chain, schema_of
from compress.artifacts import Store
from compress.artifacts.outputs_file import read_outputs
from compress.clock import Clock
from compress.pipeline import plan, read_pipeline
from compress.pipeline import run as run_plan
from compress.report.style import png
from compress.results import StageResult, validated
from compress.stages.save_and_evaluate import TEST_OUTPUTS
from compress.training import Progress

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "assistants"
PLOTS = ROOT / "benchmarks" / "plots"
WORK = ROOT / "build" / "assistants"
IMAGES, TEST_IMAGES, EPOCHS, BATCH = 8_000, 5_000, 6, 64
SEEDS = (0, 1, 2)
METRICS = ("top1", "params", "seconds", "nll", "brier", "ece", "ece_scaled")


def settings(arm: str) -> list[str]:
    """What differs from the arm's pipeline file."""
    pipeline = read_pipeline(f"assistants-{ARMS[arm].pipeline}")
    stages = [stage.name for stage in pipeline.stages if not stage.is_final]
    common = [f"{stage}.epochs={EPOCHS}" for stage in stages] + [f"{stage}.batch_size={BATCH}" for stage in stages]
    data = ["data.name=cifar10", f"data.train_images={IMAGES}", f"data.test_images={TEST_IMAGES}"]
    own = [f"{stage}.{change}" for stage, changes in ARMS[arm].changes.items() for change in changes]
    return [*data, *common, *own]


def measure(arm: str, seed: int, data_dir: Path | None) -> dict[str, Any]:
    """One arm, trained or taken from the store."""
    name, own = f"assistants-{ARMS[arm].pipeline}", settings(arm)
    pipeline, clock, progress = read_pipeline(name, own, seed), Clock(), Progress()
    dataset = pipeline.data.load(data_dir)
    runs = WORK / "runs" / f"{arm}-{seed}"
    try:
        results = run_plan(plan(pipeline, dataset), Store(WORK / "store"), runs, progress, clock)
    finally:
        progress.stop()
    folders = sorted((runs / name).glob("[0-9]*-*"), key=lambda path: int(path.name.partition("-")[0]))
    outputs_by_stage = [read_outputs(path) for folder in folders if (path := folder / TEST_OUTPUTS).is_file()]
    wrong = [
        outputs["logits"].argmax(-1) != dataset.test.targets.labels
        for outputs in outputs_by_stage
        if "logits" in outputs
    ]
    return {
        "schema": schema_of(Chain),
        "arm": arm,
        "seed": seed,
        "settings": own,
        "images": {"train": len(dataset.train), "validation": len(dataset.validation), "test": len(dataset.test)},
        "epochs": EPOCHS,
        "stages": [
            {"name": stage.name, **measured(stage)} for stage in results.stages if stage.measured_on == "network"
        ],
        "wrong_in_common": wrong_in_common(wrong),
        "config_toml": pipeline.text,
        "seconds": {cause: round(spent, 2) for cause, spent in clock.seconds.items()},
    }


def measured(stage: StageResult) -> dict[str, Any]:
    """What is kept of a stage: METRICS, of its network but for the top-1 of its file."""
    about = {"top1": stage.metrics["top1"], "params": stage.params, "seconds": stage.seconds}
    everything = {**stage.metrics, **stage.network_metrics, **about}
    return {key: everything[key] for key in METRICS}


def is_there(path: Path, arm: str) -> bool:
    """Whether ``path`` is a result of the arm with today's settings and pipeline, comments apart."""
    if not path.exists():
        return False
    content = json.loads(path.read_text())
    text = read_pipeline(f"assistants-{ARMS[arm].pipeline}").text
    return bool(content["settings"] == settings(arm) and loads(content["config_toml"]) == loads(text))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.assistants", description=__doc__)
    parser.add_argument("arms", nargs="*", default=list(ARMS), help=f"of {', '.join(ARMS)}; all by default")
    parser.add_argument("--seed", type=int, action="append", help="0, 1 and 2 by default; may be given again")
    parser.add_argument("--data-dir", type=Path, help="where cifar-10-python.tar.* lies")
    words = parser.parse_args()
    for seed in words.seed or SEEDS:
        for arm in words.arms:
            path = RESULTS / f"{arm}-seed{seed}.json"
            if is_there(path, arm):
                print(f"{path.name} is there", flush=True)
            else:
                keep(path, measure(arm, seed, words.data_dir))
    PLOTS.mkdir(exist_ok=True)
    results = [
        validated(Chain, json.loads(path.read_text()), str(path)) for path in sorted(RESULTS.glob("*-seed*.json"))
    ]
    (PLOTS / "assistants.png").write_bytes(png(draw(results)))


if __name__ == "__main__":
    main()
