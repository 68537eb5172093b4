"""Teacher weight by focal weight on CIFAR-10: ``python -m benchmarks.focal --data-dir FOLDER [grid] [useful]``.

Each is ``jetslim sweep`` of the TOML file beside this one, and goes on where it was stopped. What it finds is one file
in results/focal, and pictures in plots. About half an hour each on two cores.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.focal.table import METRICS, SCHEMA, SHOWN
from benchmarks.record import keep
from compress.artifacts.files import replace
from compress.report.style import png
from compress.sweep import plots
from compress.sweep.grid import SEED
from compress.sweep.read import read

HERE = Path(__file__).parent
RESULTS, PLOTS = HERE.parent / "results" / "focal", HERE.parent / "plots"
WORK = HERE.parents[1] / "build" / "focal"
GRIDS = {"grid": "the paper's grid", "useful": "weights large enough to matter"}
FIELDS = {"teacher": "student.method.distillation_loss_weight", "focal": "student.label_loss.focal_weight"}


def stage(run: dict[str, Any], name: str) -> dict[str, Any]:
    """The metrics of a run's stage."""
    found = next(one for one in run["stages"] if one["name"] == name)
    return {metric: {**found["calibration"], **found}[metric] for metric in METRICS}


def measure(name: str, data_dir: Path) -> dict[str, Any]:
    """All points of a grid, made or taken from the store."""
    path = HERE / f"{name}.toml"
    command = [sys.executable, "-m", "compress", "sweep", str(path), "--data-dir", str(data_dir)]
    subprocess.run([*command, "--store", str(WORK / "store"), "--runs", str(WORK / "runs")], check=True)
    points = read(str(path)).points
    runs = [json.loads((WORK / "runs" / f"{name}-sweep" / one.name / "run.json").read_text()) for one in points]
    data = runs[0]["data"]
    return {
        "schema": SCHEMA,
        "grid": name,
        "toml": path.read_text(),
        "images": {split: data[split] for split in ("train", "validation", "test")},
        "before": [
            {"seed": seed, "teacher": stage(run, "teacher"), "common": stage(run, "common")}
            for seed, run in sorted({run["seed"]: run for run in runs}.items())
        ],
        "points": sorted((_point(run) for run in runs), key=lambda one: (one["seed"], one["teacher"], one["focal"])),
    }


def _point(run: dict[str, Any]) -> dict[str, Any]:
    values = dict(setting.split("=") for setting in run["settings"])
    return {
        "seed": run["seed"],
        **{key: float(values[field]) for key, field in FIELDS.items()},
        **stage(run, "student"),
    }


def draw(name: str) -> None:
    """The heat maps of a result that is kept."""
    found = json.loads((RESULTS / f"{name}.json").read_text())
    seeds = [SEED] if len({point["seed"] for point in found["points"]}) > 1 else []
    rows = [{**point, **{field: point[key] for key, field in FIELDS.items()}} for point in found["points"]]
    PLOTS.mkdir(exist_ok=True)
    for metric in SHOWN:
        figure = plots.draw(rows, [*FIELDS.values(), *seeds], metric, GRIDS[name])
        replace(PLOTS / f"focal-{name}-{metric}.png", png(figure, colours=256))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.focal", description=__doc__)
    parser.add_argument("grids", nargs="*", choices=[*GRIDS, []], help="of grid, useful; both by default")
    parser.add_argument("--data-dir", type=Path, required=True, help="where cifar-10-python.tar.* lies")
    words = parser.parse_args()
    for name in words.grids or GRIDS:
        keep(RESULTS / f"{name}.json", measure(name, words.data_dir))
        draw(name)


if __name__ == "__main__":
    main()
