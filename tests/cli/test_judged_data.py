"""What evaluate and compare say of the data that they judge a model on, and of what they do not know of the model."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from compress.cli.data import open_data, task_for
from compress.config import as_dict
from compress.errors import UserError
from compress.evaluate import image_fit, labels, task_of
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


def test_a_split_without_a_box_is_refused_and_training_boxes_are_not_needed(photos, stage):
    without_boxes(photos, range(8))
    dataset = opened(photos, stage)
    assert task_for(stage, dataset, "test", print).anchor_size == 3.0
    with pytest.raises(UserError, match="^no train image of voc has a box, so there is nothing to measure$"):
        task_for(stage, dataset, "train", print)
    with pytest.raises(UserError, match="from which the size of the anchors could be told"):
        task_for(Path("elsewhere.tflite"), dataset, "test", print)
