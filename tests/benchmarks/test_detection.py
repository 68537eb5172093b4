"""The studies of detection as they are planned, and their section, from runs whose numbers are made up."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.detection import __main__ as study
from benchmarks.detection import table
from benchmarks.run_study import dataset, is_of
from benchmarks.studies import BlurredDetectors
from benchmarks.trained import value_of
from compress.artifacts import Store
from compress.clock import Clock
from compress.pipeline import Networks, load_libraries, look_ahead, plan, read_pipeline
from compress.results import DataFacts, Latency, Run, StageResult, read_run
from compress.training import Progress

BOX = "<object><name>cat</name><bndbox><xmin>9</xmin><ymin>9</ymin><xmax>60</xmax><ymax>40</ymax></bndbox></object>"
STUDIES = [(name, data, study.BACKBONES[0]) for name, data in (("blur", "cards"), ("blur", "cells"), ("weak", "cards"),
           ("weak", "cells"), ("weak", "shapes"))]  # fmt: skip
STUDIES += [("long", data, study.BACKBONES[0]) for data in ("cards", "cells", "shapes")]
STUDIES += [("labels", data, backbone) for data in ("cards", "cells", "shapes") for backbone in study.BACKBONES]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Twelve pictures of one box for each data set in VOC's layout."""
    root = tmp_path_factory.mktemp("photos")
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    for name, *_ in study.VOC.values():
        for folder in ("JPEGImages", "Annotations", "ImageSets/Main"):
            (root / name / folder).mkdir(parents=True)
        for number in range(12):
            Image.fromarray(pixels).save(root / name / "JPEGImages" / f"{number}.png")
            (root / name / "Annotations" / f"{number}.xml").write_text(f"<annotation>{BOX}</annotation>")
        for part, numbers in (("train", range(8)), ("val", range(8, 10)), ("test", range(10, 12))):
            (root / name / "ImageSets/Main" / f"{part}.txt").write_text("\n".join(map(str, numbers)))
    return root


@pytest.mark.parametrize(("name", "data", "backbone"), STUDIES)
def test_every_study_is_one_that_its_networks_can_do(name, data, backbone, photos, tmp_path):
    load_libraries()
    settings = study.settings_of(name, data, backbone)
    pipeline = read_pipeline(str(Path(study.__file__).parent / f"{name}.toml"), settings, 0)
    planned, store = plan(pipeline, dataset(pipeline.data, photos)), Store(tmp_path / "store")
    clock, progress = Clock(), Progress()
    look_ahead(planned, store, Networks(planned, store, clock, progress), progress, clock)
    progress.stop()


def test_results_that_are_kept_are_of_the_studies_as_they_are():
    """Else means were over different trainings."""
    for path in study.RESULTS.glob("*.json"):
        if not path.stem.endswith("-blurred"):
            kept, name = read_run(path), path.stem.split("-")[0]
            data = next(data for data in ("shapes", *study.VOC) if f"-{data}-" in path.stem)
            settings = study.settings_of(name, data, value_of(kept.settings, "baseline.model") or study.BACKBONES[0])
            assert is_of(kept, Path(study.__file__).parent / f"{name}.toml", settings, kept.seed), path.name


def stage(name, ap50):
    return StageResult(name=name, metrics={"ap50": ap50}, tflite_bytes=2_000_000, latency=Latency(1.0, 1.5, 2.0))


def run(study, seed, settings=("data.path=Cards",), **values):
    data = DataFacts(name="voc" if settings else "shapes", shape=[256, 256, 3], train=251, test=67, label_names=["ace"])
    stages = [stage(name, value) for name, value in values.items()]
    text = (Path(table.__file__).parent / f"{study}.toml").read_text()
    return Run(pipeline=study, seed=seed, data=data, stages=stages, settings=list(settings), config_toml=text)


def test_differences_are_those_of_each_seed_and_backbones_stand_apart():
    both = {"teacher": 0.9, "fgfi": 0.72, "lgd": 0.69, "pruned": 0.68, "exported": 0.67}
    runs = [run("labels", seed, baseline=0.70 + seed / 100, **both) for seed in (0, 1)]
    runs.append(run("labels", 0, ("data.path=Cards", "baseline.model=resnet10_1_2"), baseline=0.8, **both))
    lines = table.section(runs)
    assert "| by itself | 70.5 ± 0.7 |  | 2.00 MB | 1.50 ms |" in lines
    assert "| imitates the teacher near objects (FGFI) | 72.0 ± 0.0 | +1.5 ± 0.7 | 2.00 MB | 1.50 ms |" in lines
    assert "| by itself | 80.0 |  | 2.00 MB | 1.50 ms |" in lines
    found = [line for line in lines if line.startswith("- AP at 0.5")]
    assert found[2].endswith("(fgfi): +1.5 points, better in 2 of 2 seeds, more than the seeds' deviation.")
    assert found[3].endswith("(lgd): -1.5 points, better in 0 of 2 seeds, more than the seeds' deviation.")
    assert found[0].endswith("(fgfi): -8.0 points, one seed.")


def test_blurred_images_have_a_column_of_their_own():
    names = table.ROWS["blur"]
    runs = [run("blur", 3, **dict.fromkeys(names, 0.6))]
    metrics = {name: {"ap50": 0.1 * number} for number, name in enumerate(names, start=1)}
    lines = table.section(runs, [BlurredDetectors("Cards", 3, 0.1, metrics)])
    assert "| sharp images | 60.0 | +0.0 | 10.0 | -10.0 | 2.00 MB | 1.50 ms |" in lines
    assert "| both, taught by itself (S-KD) | 60.0 | +0.0 | 40.0 | +20.0 | 2.00 MB | 1.50 ms |" in lines


def test_self_distillation_is_compared_with_the_row_before_it():
    values = {"with_boxes": 0.9, "threshold": 0.3, "threshold_sd": 0.32, "search": 0.4, "search_sd": 0.39}
    lines = table.section([run("weak", 0, settings=(), **values)])
    shown = [line.split(" | ")[2] for line in lines if line.startswith("| ") and "MB" in line]
    assert shown == ["+60.0", "", "+2.0", "+10.0", "-1.0"]


def test_int8_is_compared_with_float():
    lines = table.section([run("long", 0, trained=0.9, static=0.895, quantized=0.91)])
    assert any(line.startswith("Playing cards, resnet18_1_2, ") for line in lines)
    assert "| in int8, by ranges alone | 89.5 | -0.5 | 2.00 MB | 1.50 ms |" in lines
    assert "| in int8, trained on | 91.0 | +1.0 | 2.00 MB | 1.50 ms |" in lines


def test_without_results_there_is_no_section():
    assert table.section([]) == []
