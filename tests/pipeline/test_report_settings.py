"""[report] in a pipeline file, and which settings differ from their defaults."""

import pytest

from compress.errors import UserError
from compress.pipeline import read_pipeline
from compress.pipeline.changed_settings import changed

TOML = """
seed = 3

[data]
name = "digits"
size = 16

[report]
worst_images = 4
goals = { megabytes = 0.5 }

[[stage]]
name = "teacher"
kind = "train"
model = "resnet8"
epochs = 2

[[stage]]
name = "student"
kind = "distill"
teachers = ["teacher"]
model = "resnet8"
epochs = 2
method = { name = "logits", temperature = 7.0 }
"""


@pytest.fixture
def toml(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(TOML)
    return str(path)


def test_what_is_asked_for(toml):
    report = read_pipeline(toml, ["report.noise_images=8", "report.goals.score=0.97"]).report
    assert (report.worst_images, report.noise_images) == (4, 8)
    assert report.goals.asked == {"megabytes": 0.5, "score": 0.97}


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("report.worst=3", r"\[report\]: unknown key 'worst'.*worst_images"),
        ("report.noise_images=-1", r"\[report\]: noise_images = -1"),
        ("report.goals.megabytes=0", r"\[report\]: goals.megabytes = 0"),
    ],
)
def test_mistakes_are_named(toml, setting, words):
    with pytest.raises(UserError, match=words):
        read_pipeline(toml, [setting])


def test_what_differs_from_the_defaults(toml):
    found = {(each.table, each.key): (each.value, each.default) for each in changed(read_pipeline(toml))}
    assert found["report", "worst_images"] == (4, 0)
    assert found["report", "goals.megabytes"] == (0.5, None)
    assert found["teacher", "model"] == ("resnet8", None)
    assert found["student", "method.temperature"][0] == 7.0
    assert found["student", "teachers"] == (["teacher"], [])
    assert not any(key in ("name", "kind", "batch_size") for _, key in found)
    assert ("data", "size") in found
