"""Self-distillation of detectors: ``python -m benchmarks.detection STUDY --data DATA``.

- blur: sharp and blurred images, each detector measured on both.
- labels: a teacher near things (FGFI) and labels (LGD), on two backbones (--backbone), then prune and int8.
- weak: the classes of images alone.
- long: one detector on larger images, for more epochs, then in int8.

DATA is cards or cells (--data-dir, where Cards/ and BCCD/ lie, in Pascal VOC's layout) or shapes, drawn. A result is
one file a seed in results/detection; what is there is not made again, and what was stopped goes on where it was.
"""

import argparse
import json
from pathlib import Path

from benchmarks.detection.table import ROWS
from benchmarks.record import keep
from benchmarks.run_study import measure
from benchmarks.studies import BlurredDetectors, schema_of
from compress.datasets.motion_blur import BlurredSplit
from compress.datasets.voc import Voc
from compress.evaluate import open_model, outputs, task_of

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "detection"
WORK = ROOT / "build" / "detection"
SEEDS = (0, 1, 2)
BACKBONES = ("resnet10_1_4", "resnet10_1_2")
BLUR = 0.1  # of the width
STUDENTS = {"labels": ("baseline", "fgfi", "lgd"), "blur": (), "weak": (), "long": ()}
LONGER = 30  # epochs of weak on photographs, of which there are few
LONG = {"cards": ("[320, 320]", 80), "cells": ("[256, 320]", 50)}  # size and epochs
VOC = {
    "cards": ("Cards", "[160, 160]", "{ colour = 0.3 }"),
    "cells": ("BCCD", "[160, 192]", "{ flip = true, colour = 0.2 }"),
}


def settings_of(study: str, data: str, backbone: str) -> list[str]:
    """What differs from the study's file, as ``--set`` has it."""
    if data == "shapes":
        own = ["data.augmentation={ flip = true }"] + ["data.pictures=3000"] * (study == "weak")
    else:
        path, size, augmentation = VOC[data]
        larger, epochs = LONG[data]
        size = larger if study == "long" else size
        own = ["data.name=voc", f"data.path={path}", f"data.size={size}", f"data.augmentation={augmentation}"]
        own += [f"trained.epochs={epochs}"] if study == "long" else []
        own += [f"{name}.epochs={LONGER}" for name in ROWS["weak"]] if study == "weak" else ["data.scales=[0.7, 1.3]"]
    return [*own, *(f"{name}.model={backbone}" for name in STUDENTS[study])]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection", description=__doc__)
    parser.add_argument("study", choices=list(STUDENTS), help="what to measure")
    parser.add_argument("--data", choices=[*VOC, "shapes"], required=True, help="the images")
    parser.add_argument("--data-dir", type=Path, help="where the folders Cards and BCCD lie")
    parser.add_argument("--backbone", choices=BACKBONES, default=BACKBONES[0], help="of the students of labels")
    parser.add_argument("--seeds", type=int, nargs="*", default=SEEDS, help=f"{' '.join(map(str, SEEDS))} by default")
    words = parser.parse_args()
    if words.study == "blur" and words.data not in VOC:
        parser.error(f"blur is measured on {' or '.join(VOC)}")
    end = f"-{words.backbone}" if words.study == "labels" else ""
    for seed in words.seeds:
        name = f"{words.study}-{words.data}{end}-seed{seed}"
        settings = settings_of(words.study, words.data, words.backbone)
        measure(
            RESULTS / f"{name}.json",
            Path(__file__).parent / f"{words.study}.toml",
            WORK,
            settings,
            seed,
            words.data_dir,
        )
        if words.study == "blur" and not (RESULTS / f"{name}-blurred.json").exists():
            keep_blurred(name, words.data, seed, words.data_dir)


def keep_blurred(name: str, data: str, seed: int, data_dir: Path | None) -> None:
    """Measures each network of a finished run on the blurred test images."""
    folder = WORK / "runs" / name / "blur"
    path, size, _ = VOC[data]
    dataset = Voc(path=path, size=tuple(json.loads(size))).load(data_dir)
    split = BlurredSplit(dataset.test, BLUR)
    metrics = {}
    stages = sorted(folder.glob("[0-9]-*"))
    if not stages:
        raise SystemExit(f"{folder} is gone: remove {name}.json, and run it again")
    for stage in stages:
        task = task_of(stage)
        assert task is not None, stage
        ready = open_model(stage).ready(dataset.shape, task)
        said = outputs(ready.raw, split)
        metrics[stage.name[2:]] = task.measure(said, split.targets.arrays(), said, split.targets.arrays())
    result = {"schema": schema_of(BlurredDetectors), "data": path, "seed": seed, "blur": BLUR, "metrics": metrics}
    keep(RESULTS / f"{name}-blurred.json", result)


if __name__ == "__main__":
    main()
