"""The readable view of a run: links to artifacts, and folders of links for exports."""

import pytest

from compress.pipeline import run_folder


@pytest.fixture
def artifacts(tmp_path):
    """Two exports and a network, as the store has them."""
    for key, files in {
        "a": ["model.json", "model.tflite"],
        "b": ["model.json", "model.onnx"],
        "c": ["stage.json"],
    }.items():
        (tmp_path / "store" / key).mkdir(parents=True)
        for name in files:
            (tmp_path / "store" / key / name).write_text(key)
    return tmp_path / "store"


@pytest.fixture
def runs(tmp_path):
    return tmp_path / "runs"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_an_exports_entry_is_a_folder_of_its_own_and_the_store_stays_as_it_is(artifacts, runs):
    run_folder.link(runs, 2, "exported", artifacts / "a")
    (runs / "2-exported/README.md").write_text("a card")
    assert names(runs / "2-exported") == ["README.md", "model.json", "model.tflite"]
    assert names(artifacts / "a") == ["model.json", "model.tflite"]
    assert run_folder.card_of(runs, 2, "exported", artifacts / "a") == runs / "2-exported/README.md"
    assert run_folder.card_of(runs, 2, "exported", artifacts / "b") is None


def test_another_export_in_its_place_has_no_card_of_the_first(artifacts, runs):
    run_folder.link(runs, 2, "exported", artifacts / "a")
    (runs / "2-exported/README.md").write_text("a card")
    run_folder.link(runs, 2, "exported", artifacts / "b")
    assert names(runs / "2-exported") == ["model.json", "model.onnx"]
    assert (runs / "2-exported/model.json").read_text() == "b"
    assert run_folder.card_of(runs, 2, "exported", artifacts / "b") is None


def test_entries_change_their_kind_and_go(artifacts, runs):
    run_folder.link(runs, 1, "made", artifacts / "c")
    assert (runs / "1-made").is_symlink()
    run_folder.link(runs, 1, "made", artifacts / "a")
    assert not (runs / "1-made").is_symlink() and names(runs / "1-made") == ["model.json", "model.tflite"]
    run_folder.link(runs, 1, "trained", artifacts / "c")
    run_folder.link(runs, 2, "exported", artifacts / "b")
    assert names(runs) == ["1-trained", "2-exported"]
    run_folder.drop_after(runs, 1)
    assert names(runs) == ["1-trained"] and names(artifacts) == ["a", "b", "c"]


def test_what_a_user_put_there_stays(artifacts, runs):
    (runs / "2-notes").mkdir(parents=True)
    (runs / "2-notes/README.md").write_text("mine")
    run_folder.link(runs, 2, "exported", artifacts / "a")
    (runs / "2-exported/remark.txt").write_text("mine")
    run_folder.link(runs, 2, "exported", artifacts / "b")
    run_folder.drop_after(runs, 1)
    assert names(runs / "2-notes") == ["README.md"] and names(runs / "2-exported") == ["remark.txt"]
