"""What evaluate and compare say of the data that they judge a model on, and of what they do not know of the model."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from compress import models
from compress.artifacts import Store
from compress.cli.data import open_data, task_for
from compress.clock import Clock
from compress.config import as_dict
from compress.errors import UserError
from compress.evaluate import image_fit, labels, task_of
from compress.pipeline import Networks, plan, read_pipeline
from compress.tasks import Detection

BOX = "<object><name>{}</name><bndbox><xmin>9</xmin><ymin>9</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"
READS = (32, 32, 3)


@pytest.fixture
def photos(tmp_path):
    """Twelve pictures in VOC's layout, each of one box; the test split has the boxes of another class, too."""
    for folder in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (tmp_path / "photos" / folder).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(12):
        image = Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8))
        image.save(tmp_path / "photos/JPEGImages" / f"{number}.png")
        kind = "dog" if number > 9 else "cat"
        xml = f"<annotation>{BOX.format(kind, 20, 20)}{BOX.format('cat', 30, 24)}</annotation>"
        (tmp_path / "photos/Annotations" / f"{number}.xml").write_text(xml)
    for part, numbers in (("train", range(8)), ("val", range(8, 10)), ("test", range(10, 12))):
        (tmp_path / "photos/ImageSets/Main" / f"{part}.txt").write_text("\n".join(map(str, numbers)))
    return tmp_path / "photos"


def without_boxes(photos, numbers):
    for number in numbers:
        (photos / "Annotations" / f"{number}.xml").write_text("<annotation></annotation>")


@pytest.fixture
def stage(tmp_path):
    """A stage's folder, as far as it is looked at here."""
    (tmp_path / "1-trained/saved_model").mkdir(parents=True)
    (tmp_path / "1-trained/saved_model/saved_model.pb").touch()
    task = Detection(anchor_size=3.0, frame=(32, 32))
    facts = {"task": as_dict(task), "label_names": ["cat", "dog"], "fit": "pad"}
    (tmp_path / "1-trained/stage.json").write_text(json.dumps(facts))
    return tmp_path / "1-trained"


def opened(photos, model, told=None):
    return open_data(str(photos), [model], READS, None, None, False, told.append if told is not None else print)


@pytest.mark.parametrize("path", ["", "saved_model"])
def test_a_saved_model_of_a_stage_is_what_its_stage_json_tells(stage, path):
    assert task_of(stage / path) == Detection(anchor_size=3.0, frame=(32, 32))
    assert labels(stage / path) == ["cat", "dog"] and image_fit(stage / path) == "pad"


def test_what_is_left_out_of_the_data_is_said(photos, tmp_path):
    (tmp_path / "labels.txt").write_text("cat\n")
    told = []
    assert opened(photos, tmp_path / "model.tflite", told).label_names == ("cat",)
    assert told == ["note: 2 boxes of dog were left out: not among the classes, the first in 10.png"]


def test_images_left_out_of_a_folder_are_said(tmp_path):
    for place in ("train/a", "train/b", "test/a", "test/b"):
        (tmp_path / "own" / place).mkdir(parents=True)
        for number in range(20):
            image = np.random.default_rng(number).integers(0, 256, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(image).save(tmp_path / "own" / place / f"{number}.png")
    (tmp_path / "own/test/a/0.png").write_bytes(b"no")
    told = []
    open_data(str(tmp_path / "own"), [tmp_path / "net.keras"], READS, None, None, True, told.append)
    assert len(told) == 1 and told[0].startswith("note: left out 1 unreadable image: ")


def test_anchors_that_follow_from_the_data_are_said(photos, stage, tmp_path):
    told = []
    task = task_for(tmp_path / "model.tflite", opened(photos, tmp_path / "model.tflite"), "test", told.append)
    assert len(told) == 1 and told[0].endswith(
        f"is taken from the training targets of voc: anchor_size = {task.anchor_size:g}"
    )
    assert task_for(stage, opened(photos, stage), "test", told.append).anchor_size == 3.0
    assert len(told) == 1


def write_pipeline(path, stages, task=""):
    path.write_text(f'{task}[data]\nname = "voc"\npath = "photos"\n{stages}')
    return read_pipeline(str(path), (), 0)


LOADED = '[[stage]]\nname = "loaded"\nkind = "load"\nsaved_model = "1-trained"\n'
TAUGHT = """[[stage]]
name = "taught"
kind = "distill"
model = "resnet10_1_4"
epochs = 1
teachers = ["1-trained"]
method = { name = "blur_robust" }
"""


@pytest.mark.parametrize("stages", [LOADED, TAUGHT], ids=["loaded", "a teacher"])
def test_a_pipeline_reads_a_detector_s_outputs_as_it_was_trained(photos, stage, stages, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(stage / "saved_model/saved_model.pb", stage)
    pipeline = write_pipeline(tmp_path / "own.toml", stages)
    dataset = pipeline.data.load(None)
    assert Detection().fitted(dataset).anchor_size != 3.0
    assert plan(pipeline, dataset).task.anchor_size == 3.0
    other = write_pipeline(tmp_path / "other.toml", stages, '[task]\nname = "detection"\nanchor_size = 2.0\n')
    words = r"^the outputs of 1-trained are read with anchor_size = 3.0, but \[task\] has 2.0: "
    with pytest.raises(UserError, match=words):
        plan(other, dataset)


def test_anchors_of_which_nothing_is_known_are_said_in_a_run(photos, stage, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    models.build("resnet10_1_4", (32, 32, 3), Detection(anchor_size=3.0).head(opened(photos, stage))).save("net.keras")
    pipeline = write_pipeline(tmp_path / "own.toml", 'pixels = "0..1"\n' + LOADED.replace("1-trained", "net.keras"))
    planned, told = plan(pipeline, pipeline.data.load(None)), []
    networks = Networks(planned, Store(tmp_path / "store"), Clock(), SimpleNamespace(say=told.append))
    networks.borrow("net.keras")
    networks.checkout("net.keras")
    (note,) = (line for line in told if "anchor_size" in line)
    assert note.endswith(f"from the training targets of voc: anchor_size = {planned.task.anchor_size:g}")


def test_detectors_of_other_anchors_are_not_compared(photos, stage, tmp_path, main):
    """One file, beside two stories of its anchors."""
    network = models.build("resnet10_1_4", (32, 32, 3), Detection(anchor_size=3.0).head(opened(photos, stage)))
    for name, size in (("a", 3.0), ("b", 2.0)):
        (tmp_path / name).mkdir()
        network.save(tmp_path / name / "net.keras")
        facts = {"task": as_dict(Detection(anchor_size=size, frame=(32, 32))), "label_names": ["cat", "dog"]}
        (tmp_path / name / "model.json").write_text(json.dumps(facts))
    code, _, errors = main("compare", tmp_path / "a/net.keras", tmp_path / "b/net.keras", "--data", photos)
    assert code == 2 and "A was trained with [task] anchor_size = 3.0, B with 2.0" in errors


def test_a_split_without_a_box_is_refused_and_training_boxes_are_not_needed(photos, stage):
    without_boxes(photos, range(8))
    dataset = opened(photos, stage)
    assert task_for(stage, dataset, "test", print).anchor_size == 3.0
    with pytest.raises(UserError, match="^no train image of voc has a box, so there is nothing to measure$"):
        task_for(stage, dataset, "train", print)
    with pytest.raises(UserError, match="from which the size of the anchors could be told"):
        task_for(Path("elsewhere.tflite"), dataset, "test", print)
