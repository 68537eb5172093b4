"""compare and evaluate take the data that the model's run recorded."""

import json
import os
import shutil

import pytest


@pytest.fixture
def own(small, colours, tmp_path, monkeypatch):
    """The finished run of a pipeline on an own folder of images, in a folder where both can be changed."""
    shutil.copytree(small.folder, tmp_path / "project", symlinks=True)
    shutil.copytree(colours, tmp_path / "project/photos")
    path = tmp_path / "project/runs/small/run.json"
    content = json.loads(path.read_text())
    assert content["data"]["config"]["path"] == str(colours)
    content["data"]["config"]["path"] = "photos"
    path.write_text(json.dumps(content))
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


@pytest.mark.parametrize("model", ["1-teacher", "1-teacher/saved_model", "6-exported", "6-exported/model.tflite"])
def test_the_data_of_the_run_are_the_default(main, own, model):
    code, output, errors = main("evaluate", f"runs/small/{model}")
    assert code == 0, errors
    assert "of 60 test images of folder)" in output
    assert errors == "data: folder photos, as in runs/small/run.json\n"
    assert main("evaluate", f"runs/small/{model}", "--data", "photos") == (0, output, "")


def test_compare_as_the_first_screen_has_it(main, own):
    code, output, errors = main("compare", "runs/small/4-pruned", "runs/small/6-exported")
    assert code == 0, errors
    assert errors == "data: folder photos, as in runs/small/run.json\n"
    assert "test images of folder" in output


def test_the_run_of_either_model_will_do(main, own):
    shutil.copytree("runs/small/4-pruned/saved_model", "elsewhere")
    code, output, errors = main("compare", "elsewhere", "runs/small/6-exported", "--pixels", "0..1")
    assert code == 0, errors
    assert "data: folder photos, as in runs/small/run.json\n" in errors


def test_it_works_from_any_folder(main, own, monkeypatch):
    monkeypatch.chdir("runs/small")
    code, _, errors = main("evaluate", "6-exported", "--data-dir", "../..", "--quiet")
    assert (code, errors) == (0, "")


def test_data_that_are_gone_and_data_that_have_changed(main, own):
    image = own / "photos/test/red/0.png"
    image.rename(own / "photos/test/green/red.png")
    code, _, errors = main("evaluate", "runs/small/6-exported")
    assert code == 0
    assert errors.splitlines()[-1] == "note: these data have changed since runs/small/run.json was written"
    os.rename("photos", "pictures")
    code, _, errors = main("evaluate", "runs/small/6-exported")
    assert code == 2
    assert errors.splitlines()[-1] == (
        "Error: folder not found: photos (the data of runs/small/run.json; --data names others)"
    )


def test_a_run_json_of_another_program_is_passed_over(main, own):
    (own / "runs/small/run.json").write_text('{"schema": 3, "stages": "none"}')
    code, _, errors = main("evaluate", "runs/small/6-exported")
    assert code == 2
    assert "has 3 classes, but the data have 10" in errors
