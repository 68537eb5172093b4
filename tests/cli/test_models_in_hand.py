"""evaluate, predict and store on what a finished pipeline left."""

import json
import os
import re
import shutil

import numpy as np
import pytest
from huggingface_hub import ModelCard
from PIL import Image

from tests.said import said_by_card


@pytest.fixture(scope="module")
def runs(small):
    return small.folder / "runs" / "small"


def top1(output):
    return int(re.search(r"\((\d+) of 60 test images of folder\)", output).group(1)) / 60


@pytest.mark.parametrize("stage", ["1-teacher", "5-quantized", "6-exported"])
def test_evaluate_gives_the_stages_own_top1(main, runs, colours, stage):
    code, output, _ = main("evaluate", runs / stage, "--data", colours)
    assert code == 0
    assert top1(output) == pytest.approx(json.loads((runs / stage / "stage.json").read_text())["score"])


def test_evaluate_a_file_on_another_split(main, runs, colours):
    code, output, _ = main(
        "evaluate", runs / "6-exported/model.sparse.tflite", "--data", colours, "--split", "validation"
    )
    assert code == 0
    assert "of 24 validation images" in output


def test_evaluate_refuses_a_data_set_of_other_classes(main, runs, colours, tmp_path):
    shutil.copytree(colours, tmp_path / "fruits")
    for folder in (tmp_path / "fruits").glob("*/red"):
        folder.rename(folder.with_name("apple"))
    code, _, errors = main("evaluate", runs / "6-exported", "--data", tmp_path / "fruits")
    assert code == 2
    assert "was made for the classes blue, green, red, but " in errors
    assert errors.rstrip().endswith("has apple, blue, green")


@pytest.mark.parametrize("model", ["1-teacher", "5-quantized/saved_model", "6-exported/model.tflite", "6-exported"])
def test_predict_names_the_class(main, runs, colours, model):
    images = [colours / "test" / name / "0.png" for name in ("red", "blue")]
    code, output, errors = main("predict", runs / model, *images)
    assert code == 0, errors
    lines = output.splitlines()
    assert len(lines) == 2
    for line, image in zip(lines, images, strict=True):
        path, name, probability = re.fullmatch(r"(.*): (\w+) \(([\d.]+)%\)", line).groups()
        assert path == str(image)
        # a SavedModel's folder has no labels beside it: they are a folder up, in stage.json
        assert name in (image.parent.name, str(["blue", "green", "red"].index(image.parent.name)))
        assert 30 < float(probability) <= 100


@pytest.mark.parametrize("colour", ["red", "green", "blue"])
def test_the_lines_of_the_model_card_name_the_class(runs, colours, tmp_path, colour):
    image = np.asarray(Image.open(colours / "test" / colour / "0.png"))
    assert said_by_card(runs / "6-exported", image, tmp_path) == f"{colour}\n"


def test_the_model_card_is_beside_the_file_and_not_in_the_store(runs, colours):
    path = runs / "6-exported/README.md"
    (result, *_) = ModelCard.load(path).data.eval_results
    score = json.loads((runs / "6-exported/stage.json").read_text())["score"]
    assert (result.metric_type, result.metric_value) == ("accuracy", pytest.approx(score, abs=1e-6))
    assert str(colours.parent) not in path.read_text()  # folders of this machine
    assert not (runs / "6-exported/model.tflite").resolve().with_name("README.md").exists()


@pytest.fixture
def store(small, tmp_path):
    shutil.copytree(small.folder / "store", tmp_path / "store")
    return tmp_path / "store"


def test_store_list(main, store):
    code, output, _ = main("store", "list", "--store", store)
    lines = output.splitlines()
    assert code == 0
    assert len(list((store / "outputs").glob("*.npz"))) == 1  # what the teacher of the narrow stage said
    assert len(lines) == len(list((store / "artifacts").iterdir())) + 2
    assert sum(" export " in line for line in lines) == 5
    assert any(line.endswith("small/teacher") and " train " in line for line in lines)
    assert lines[-1].startswith(str(store))


def test_store_prune_by_age(main, store):
    oldest = next(path for path in (store / "artifacts").iterdir() if (path / "saved_model").exists())
    os.utime(oldest / "stage.json", (1e9, 1e9))
    (store / "work" / "0123456789").mkdir(parents=True)
    os.utime(store / "work" / "0123456789", (1e9, 1e9))
    (store / "work" / "interrupted-today").mkdir()
    count = len(list((store / "artifacts").iterdir()))
    code, output, _ = main("store", "prune", "--store", store, "--yes")
    assert code == 0
    assert "deleted 2 stages" in output
    assert not oldest.exists()
    assert not (store / "work" / "0123456789").exists()
    assert (store / "work" / "interrupted-today").exists()
    assert len(list((store / "artifacts").iterdir())) == count - 1
    assert "nothing in" in main("store", "prune", "--store", store, "--yes")[1]


def test_store_prune_of_everything(main, store):
    listed = json.loads(main("store", "list", "--store", store, "--json")[1])
    code, output, _ = main("store", "prune", "--store", store, "--days", "0", "--yes", "--json")
    assert code == 0
    told, outputs = json.loads(output), listed["teachers_outputs"]
    assert (told["stages"], told["teachers_outputs"]) == (len(listed["stages"]), outputs["files"])
    assert told["bytes"] == listed["bytes"] == sum(each["bytes"] for each in listed["stages"]) + outputs["bytes"]
    assert list((store / "artifacts").iterdir()) == []


def test_store_prune_asks_first(jetslim, store, tmp_path):
    count = len(list((store / "artifacts").iterdir()))
    done = jetslim("store", "prune", "--days", "0", cwd=tmp_path, input="n\n")
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert len(list((store / "artifacts").iterdir())) == count


def test_a_prune_that_was_killed_halfway(main, store):
    """What it was about to delete is no finished stage any more, and does not stand in a later prune's way."""
    victim = next((store / "artifacts").iterdir())
    shutil.copytree(victim, victim.with_name(f".{victim.name}.deleted"))
    _, output, _ = main("store", "list", "--store", store)
    assert ".deleted" not in output
    assert main("store", "prune", "--store", store, "--days", "0", "--yes")[0] == 0
    assert list((store / "artifacts").iterdir()) == []


def test_check_tells_what_is_cached(main, small, monkeypatch):
    monkeypatch.chdir(small.folder)
    code, output, _ = main("check", small.toml.name, "--set", "quantized.epochs=9")
    assert code == 0
    assert [("made before" in line, "will run" in line) for line in output.splitlines()[-6:-1]] == [
        *[(True, False)] * 3, *[(False, True)] * 2,
    ]  # fmt: skip
