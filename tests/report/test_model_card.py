"""The model card of an exported file: metadata that the Hub's own library reads, and words of measurements alone."""

import numpy as np
import pytest
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import eval_results_to_model_index
from PIL import Image

from compress.datasets.images import decode
from compress.report import model_card
from compress.report.model_card.sections import without_folders
from compress.report.model_card.tasks import ON_CARDS
from compress.report.model_card.usage import _image, python
from compress.results import parse
from compress.tasks import TASKS

TOLD = {
    "task": {"name": "classification"},
    "input": {"shape": [1, 32, 32, 3], "dtype": "float32", "layout": "NHWC", "colours": "RGB", "range": [0.0, 1.0]},
    "preprocessing": {"fit": "stretch", "resize": [32, 32], "filter": "bilinear", "divide_by": 255},
    "outputs": [
        {"name": "probabilities", "meaning": "softmax probabilities", "shape": [1, 10], "dtype": "float32"},
    ],
    "files": {"model.tflite": {"bytes": 3455537, "sha256": "ab" * 32}},
}


@pytest.fixture
def card(five_stages):
    return card_of(five_stages)


def card_of(content, told=TOLD):
    run = parse(content)
    return model_card.card(run, run.stages[-1], told)


def test_the_hubs_library_reads_the_metadata(card):
    read = ModelCard(card)  # raises for metadata that it does not know how to read
    data = read.data.to_dict()
    assert data["library_name"] == "litert" and data["pipeline_tag"] == "image-classification"
    assert data["tags"] == [
        "tflite", "int8", "classification", "knowledge-distillation", "pruning", "quantization", "jetslim",
    ]  # fmt: skip
    assert data["metrics"] == ["accuracy"]
    (result,) = read.data.eval_results
    assert (result.task_type, result.dataset_name, result.dataset_split) == ("image-classification", "digits", "test")
    assert (result.metric_type, result.metric_name, result.metric_value) == ("accuracy", "top-1", 0.9861)
    assert eval_results_to_model_index(read.data.model_name, read.data.eval_results) == data["model-index"]


def test_what_is_not_known_is_left_out(card):
    data = ModelCard(card).data.to_dict()
    assert not {"license", "datasets", "base_model", "language"} & data.keys()
    assert "No license is stated" in card


def test_latency_is_the_hosts_and_in_words_alone(card):
    front, _, text = card.removeprefix("---\n").partition("\n---\n")
    assert "latency" not in front and "ms" not in front.replace("metrics", "")
    assert "On the machine that made it (Some CPU) one inference took 12.0 ms" in text
    assert "nothing about the latency on a board" in text


def test_without_a_latency_it_says_so(five_stages):
    del five_stages["stages"][-1]["latency"]
    card = card_of(five_stages)
    assert "latency on any machine" in card and "one inference took" not in card


def test_the_table_has_the_numbers_of_each_stage(card):
    line = next(line for line in card.splitlines() if line.startswith("| int8 |"))
    assert line == "| int8 | 98.61 % | 4,585,298 | 0.901 | 3.46 MB | 1.73 MB | 0.650 MB |"


def test_stages_that_the_file_was_not_made_of_are_left_out(five_stages):
    """Two files of one teacher: each card has its own chain."""
    reads = {
        "teacher": [],
        "student": ["teacher"],
        "pruned": ["teacher"],
        "quantized": ["pruned"],
        "int8": ["quantized"],
    }
    for stage in five_stages["stages"]:
        stage["reads"] = reads[stage["name"]]
    run = parse(five_stages)
    names = [stage.name for stage in model_card.stages_before(run, run.stages[-1])]
    assert names == ["teacher", "pruned", "quantized"]
    assert "knowledge-distillation" not in card_of(five_stages)


def test_every_task_has_its_lines():
    assert ON_CARDS.keys() == TASKS.keys()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('path = "/home/me/my photos/cats"', 'path = "cats"'),
        ("data.path=/home/me/photos", "data.path=photos"),
        ('saved_model = "~/nets/a.keras"', 'saved_model = "a.keras"'),
        ('teachers = ["/a/b/c.h5", "teacher"]', 'teachers = ["c.h5", "teacher"]'),
        ("# see https://example.org/a/b and ../c/d", "# see https://example.org/a/b and ../c/d"),
        ("[data]\nrate = 1/2/3", "[data]\nrate = 1/2/3"),
    ],
)
def test_folders_of_this_machine_are_left_out(text, shown):
    assert without_folders(text) == shown


@pytest.mark.parametrize(("colours", "channels"), [("RGB", 3), ("grey", 1)])
@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("size", [(20, 30), (90, 70)])
def test_an_image_is_fitted_as_those_of_the_training(fit, size, colours, channels, tmp_path, monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 256, (50, 40, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    monkeypatch.chdir(tmp_path)
    told = {"input": {"colours": colours}, "preprocessing": {"fit": fit, "resize": list(size)}}
    names = {}
    exec("from PIL import Image, ImageOps\n" + "\n".join(_image(told)), names)
    wanted = decode(tmp_path / "photo.png", size, fit, channels)
    assert np.array_equal(np.asarray(names["image"]).reshape(wanted.shape), wanted)


def test_the_lines_are_six_and_name_what_model_json_says():
    code = python(TOLD)
    assert len([line for line in code.splitlines() if line]) == 6
    assert "np.asarray(image, np.float32)[None] / np.float32(255)" in code
    grey = {
        **TOLD,
        "input": {"dtype": "uint8", "colours": "grey"},
        "preprocessing": {**TOLD["preprocessing"], "divide_by": 1},
    }
    assert "image=np.asarray(image, np.uint8)[None, ..., None])" in python(grey)
    arrays = {**TOLD, "input": {"dtype": "float32"}, "preprocessing": {"divide_by": 1}}
    assert 'image = np.load("example.npy")' in python(arrays) and "PIL" not in python(arrays)
