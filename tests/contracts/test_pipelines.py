"""Every TOML in pipelines/ reads and plans, and says how to run it."""

import re
from pathlib import Path

import pytest

from compress.datasets import DATASETS
from compress.errors import UserError
from compress.pipeline import plan, read_pipeline
from compress.stages import STAGES

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "pipelines").glob("*.toml"))

# those that wait for a network: what is given for the file's name, and the settings that put it in
NETWORKS = {
    "default": ("mobilenetv2", None, ('trained.model="mobilenetv2"',)),
    "default-trained": ("net.keras", None, ('loaded.saved_model="net.keras"',)),
    "default-distilled": ("mobilenetv2", "resnet50", ('teacher.model="resnet50"', 'trained.model="mobilenetv2"')),
}

SETTINGS = {
    "distill": ('teacher.saved_model="net.keras"', 'student.model="resnet8"'),
    "ptq": ('loaded.saved_model="net.keras"',),
}

files = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def digits():
    return DATASETS["digits"](size=8).load()


def data_of(pipeline, digits):
    """The data set that the pipeline names; the digits where it is one of the user's or needs a download."""
    return pipeline.data.load() if pipeline.task is not None else digits


def test_there_are_some():
    assert {"densenet121", "tiny"} <= {path.stem for path in FILES}


@pytest.fixture(autouse=True)
def net(tmp_path, monkeypatch):
    """A network's file, of which only the name counts here."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.keras").touch()


@files
def test_it_reads_and_plans(path, digits):
    pipeline = read_pipeline(str(path), SETTINGS.get(path.stem, NETWORKS.get(path.stem, ("", None, ()))[2]))
    planned = plan(pipeline, data_of(pipeline, digits))
    assert [step.stage.name for step in planned.steps] == [stage.name for stage in pipeline.stages]
    assert len({step.key for step in planned.steps}) == len(planned.steps)
    assert pipeline.stages[-1].kind == "export"
    assert {stage.kind for stage in pipeline.stages} <= set(STAGES)


@files
def test_the_first_line_is_the_command_that_runs_it(path):
    first = path.read_text().splitlines()[0]
    name, teacher, _ = NETWORKS.get(path.stem, (path.stem, None, ()))
    command = re.escape(name) + (f" --teacher {teacher}" if teacher else "")
    assert re.match(rf"# jetslim run {command}(?![\w-])", first), first


@files
def test_it_is_found_by_name(path):
    name, teacher, settings = NETWORKS.get(path.stem, (path.stem, None, ()))
    found = read_pipeline(name, teacher=teacher, trained=path.stem == "default-trained")
    assert found.text == path.read_text()
    assert found.settings == settings


def test_a_network_of_the_users_own_goes_through_the_default(tmp_path):
    (tmp_path / "mine.keras").touch()
    found = read_pipeline(str(tmp_path / "mine.keras"), ["data.size=32"])
    assert (found.name, found.data.size) == ("mine", 32)
    assert found.stages[0].saved_model == str(tmp_path / "mine.keras")
    assert found.stages[0].model is None


def test_a_run_with_a_teacher_has_a_name_of_its_own():
    assert read_pipeline("mobilenetv2", teacher="resnet50").name == "mobilenetv2-from-resnet50"


@pytest.mark.parametrize(("name", "teacher", "words"), [
    ("mobilenet_v2", None, "unknown pipeline or network 'mobilenet_v2'; did you mean mobilenetv2"),
    ("mobilenetv2", "resnet5", "unknown network 'resnet5'; did you mean .*resnet50"),
    ("pipelines/tiny.toml", "resnet50", "--teacher needs a network as PIPELINE"),
])  # fmt: skip
def test_what_is_neither(name, teacher, words):
    with pytest.raises(UserError, match=words):
        read_pipeline(name, teacher=teacher)


def test_arrays_keep_their_shape_whatever_a_shipped_pipeline_says():
    settings = ["data.name=arrays", "data.path=data.npz"]
    for name in ("default", "tiny"):
        assert read_pipeline(name, settings).data.size is None
        assert read_pipeline(name, [*settings, "data.size=[48, 96]"]).data.size == (48, 96)
    for kind in ("voc", "coco", "yolo"):  # photographs keep theirs, too
        assert read_pipeline("default", [f"data.name={kind}", "data.path=photos"]).data.size is None
    assert read_pipeline("default", ["data.size=[48, 96]", "data.channels=1"]).data.size == (48, 96)
