"""What a sweep saves: ``python -m benchmarks.sweep [PIPELINE]``, and what a point costs: ``... --overhead``.

The first runs ``jetslim sweep`` over six sparsities, then ``jetslim run`` with an empty store for each of them, or for
those of --alone only, whose mean then stands for all; it compares wall seconds and the exported files. For densenet121
that is an hour and a half on two quiet cores.
The second runs hundred.toml at a hundred points, and takes off what its own stages and latencies took. Each result is
one file in results/sweep. What was stopped goes on: a run that has ended is not repeated, one that has not starts anew,
from nothing. The log is build/sweep/PIPELINE/log.txt.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.record import keep
from benchmarks.studies import SweepOverhead, SweepSavings, schema_of
from compress.artifacts import Store
from compress.artifacts.files import write_json
from compress.artifacts.source import SOURCES
from compress.pipeline import machine
from compress.results import MadeFacts, read_run

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results" / "sweep"
SPARSITIES = "0.5,0.6,0.7,0.8,0.85,0.9"
HUNDRED = ",".join(str(count) for count in range(101, 201))


def timed(arguments: list[str], work: Path, name: str) -> float:
    """Wall seconds of a command that finds an empty store in ``work/name``; as before, if the same was measured."""
    earlier, folder = work / f"{name}.json", work / name
    measured = {"arguments": arguments, "source": SOURCES.digest(SOURCES.all()), "versions": machine.versions()}
    if earlier.exists():
        before = json.loads(earlier.read_text())
        if measured.items() <= before.items():
            return float(before["seconds"])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "compress", *arguments, "--store", str(folder / "store")]
    print(f"{name}: jetslim {' '.join(arguments)}", flush=True)
    start = time.perf_counter()
    with (work / "log.txt").open("a") as log:
        subprocess.run([*command, "--runs", str(folder / "runs")], stdout=log, stderr=log, check=True)
    seconds = round(time.perf_counter() - start, 1)
    write_json(earlier, {**measured, "seconds": seconds})
    return seconds


def exported(runs: Path) -> dict[str, Any]:
    """What a run's results say of the last stage, and the sha256 of its file."""
    run = read_run(runs / "run.json")
    last = run.stages[-1]
    file = runs / f"{len(run.stages)}-{last.name}" / "model.tflite"
    return {"top1": last.metrics["top1"], "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}


def saved(pipeline: str, field: str, values: str, alone: str, jobs: int, work: Path) -> dict[str, Any]:
    """The sweep beside a run of its own for each value of ``alone``."""
    swept = ["sweep", pipeline, "--set", f"{field}={values}", "--jobs", str(jobs)]
    seconds = timed(swept, work, "sweep")
    name = Path(pipeline).stem
    points = []
    for value in values.split(","):
        point: dict[str, Any] = {
            "value": value,
            "in_sweep": exported(work / "sweep" / "runs" / f"{name}-sweep" / f"{field}={value}"),
        }
        if value in alone.split(","):
            point["seconds_alone"] = timed(["run", pipeline, "--set", f"{field}={value}"], work, f"alone-{value}")
            point["alone"] = exported(work / f"alone-{value}" / "runs" / name)
        points.append(point)
    return {
        "schema": schema_of(SweepSavings),
        "pipeline": name,
        "field": field,
        "jobs": jobs,
        "seconds_sweep": seconds,
        "points": points,
    }


def overhead(work: Path) -> dict[str, Any]:
    """Seconds of a hundred points beside those of their stages and latencies; loading TensorFlow is among them."""
    field = "quantized.calibration_images"
    seconds = timed(["sweep", str(HERE / "hundred.toml"), "--set", f"{field}={HUNDRED}"], work, "sweep")
    stages = sum(sum(artifact.facts_as(MadeFacts).seconds.values()) for artifact in Store(work / "sweep" / "store"))
    runs = [read_run(path) for path in (work / "sweep" / "runs").glob("*/*/run.json")]
    latency = sum(run.seconds["latency"] for run in runs)
    return {
        "schema": schema_of(SweepOverhead),
        "pipeline": "hundred",
        "points": len(runs),
        "seconds_sweep": seconds,
        "seconds_stages": round(stages, 1),
        "seconds_latency": round(latency, 1),
    }


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m benchmarks.sweep", description=__doc__.partition("\n")[0])
    options.add_argument("pipeline", nargs="?", default="densenet121", help="its name or file (densenet121)")
    options.add_argument("--field", default="pruned.final_sparsity", help="what is swept (pruned.final_sparsity)")
    options.add_argument("--values", default=SPARSITIES, help=f"of the field ({SPARSITIES})")
    options.add_argument("--alone", help="the values that are run by themselves, too; all by default")
    options.add_argument("--jobs", type=int, default=1, help="points at a time (1)")
    options.add_argument("--overhead", action="store_true", help="what a sweep of a hundred points costs beside them")
    options.add_argument("--results", type=Path, default=RESULTS, help="folder of the result")
    chosen = options.parse_args()
    name = "hundred" if chosen.overhead else Path(chosen.pipeline).stem
    work = Path("build") / "sweep" / (name + (f"-jobs{chosen.jobs}" if chosen.jobs > 1 else ""))
    work.mkdir(parents=True, exist_ok=True)
    if chosen.overhead:
        result = overhead(work)
    else:
        alone = chosen.alone or chosen.values
        result = saved(chosen.pipeline, chosen.field, chosen.values, alone, chosen.jobs, work)
    keep(chosen.results / f"{work.name}.json", result)


if __name__ == "__main__":
    main()
