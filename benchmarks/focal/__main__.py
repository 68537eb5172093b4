"""Teacher weight by focal weight on CIFAR-10: ``python -m benchmarks.focal --data-dir FOLDER [grid] [useful] [sure]``.

Each is ``jetslim sweep`` of the TOML file beside this one, and goes on where it was stopped. What it finds is one file
in results/focal, and pictures in plots. About half an hour each on two cores.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.focal.table import METRICS, SHOWN
from benchmarks.record import keep
from benchmarks.studies import FocalStudy, schema_of
from compress.artifacts.files import replace
from compress.report.style import png
from compress.results import Run, StageResult, read_run, validated
from compress.sweep import plots
from compress.sweep.grid import SEED
from compress.sweep.load_sweep import read_sweep
from compress.tasks import Classification

HERE = Path(__file__).parent
RESULTS, PLOTS = HERE.parent / "results" / "focal", HERE.parent / "plots"
WORK = HERE.parents[1] / "build" / "focal"
GRIDS = {
    "grid": "the paper's grid",
    "useful": "weights large enough to matter",
    "sure": "networks that are too sure",
}
FIELDS = {"teacher": "method.distillation_loss_weight", "focal": "label_loss.focal_weight"}


def metrics(stage: StageResult) -> dict[str, Any]:
    """What a run says of one of its stages: of its network, but for the top-1 of its file."""
    return {metric: {**stage.network_metrics, "top1": stage.metrics["top1"]}[metric] for metric in METRICS}


def measure(name: str, data_dir: Path) -> dict[str, Any]:
    """All points of a grid, made or taken from the store."""
    path = HERE / f"{name}.toml"
    command = [sys.executable, "-m", "compress", "sweep", str(path), "--data-dir", str(data_dir)]
    subprocess.run([*command, "--store", str(WORK / "store"), "--runs", str(WORK / "runs")], check=True)
    points = read_sweep(str(path)).points
    runs = [read_run(WORK / "runs" / f"{name}-sweep" / point.name / "run.json") for point in points]
    data = runs[0].data
    return {
        "schema": schema_of(FocalStudy),
        "grid": name,
        "toml": path.read_text(),
        "images": {"train": data.train, "validation": data.validation, "test": data.test},
        "before": [
            {"seed": seed, **{stage.name: metrics(stage) for stage in run.stages[:-1]}}
            for seed, run in sorted({run.seed: run for run in runs}.items())
        ],
        "points": sorted(
            (_point(run) for run in runs), key=lambda point: (point["seed"], point["teacher"], point["focal"])
        ),
    }


def _point(run: Run) -> dict[str, Any]:
    last = run.stages[-1]
    values = dict(setting.split("=") for setting in run.settings)
    taught = bool(last.reads)
    weights = {
        key: float(values[f"{last.name}.{field}"]) if taught or key == "focal" else 0.0 for key, field in FIELDS.items()
    }
    return {"seed": run.seed, **weights, **metrics(last)}


def draw(name: str) -> None:
    """The heat maps of a result that is kept, curves where there is no teacher."""
    path = RESULTS / f"{name}.json"
    study = validated(FocalStudy, json.loads(path.read_text()), str(path))
    swept = [key for key in (*FIELDS, SEED) if len({getattr(point, key) for point in study.points}) > 1]
    rows = [
        {**asdict(point), **{field: getattr(point, key) for key, field in FIELDS.items()}} for point in study.points
    ]
    PLOTS.mkdir(exist_ok=True)
    how = plots.shown({metric.key: metric for metric in Classification.METRICS})
    for metric in SHOWN:
        figure = plots.draw(rows, [FIELDS.get(key, key) for key in swept], metric, GRIDS[name], how[metric])
        assert figure is not None  # every grid sweeps one or two fields
        replace(PLOTS / f"focal-{name}-{metric}.png", png(figure, colours=256))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.focal", description=__doc__)
    parser.add_argument("grids", nargs="*", choices=[*GRIDS, []], help="all by default")
    parser.add_argument("--data-dir", type=Path, required=True, help="where cifar-10-python.tar.* lies")
    words = parser.parse_args()
    for name in words.grids or GRIDS:
        keep(RESULTS / f"{name}.json", measure(name, words.data_dir))
        draw(name)


if __name__ == "__main__":
    main()
