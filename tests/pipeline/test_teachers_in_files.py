"""Teachers that are files: what does not go together with the student or the data is said before anything trains."""

import pytest

from compress import models
from compress.artifacts import Store
from compress.clock import Clock
from compress.errors import UserError
from compress.models.detector import DetectionHead
from compress.pipeline import Networks, look_ahead, plan, read_pipeline
from compress.training import Progress

TOML = """
[data]
name = "shapes"
size = 64
pictures = 20
pixels = "0..1"

[[stage]]
name = "trained"
kind = "train"
model = "resnet10_1_4"
epochs = 1

[[stage]]
name = "taught"
kind = "distill"
teachers = ["{teacher}"]
method = {{ name = "{method}" }}
epochs = 1
"""


@pytest.fixture
def looked(tmp_path):
    """Looks ahead at a detector that is taught, after a stage that trains, by one in a file, of so many channels."""

    def call(method, channels, classes=()):
        teacher = tmp_path / "teacher.keras"
        models.build("resnet10_1_4", (64, 64, 3), DetectionHead(3, 6, channels, 2), seed=0).save(teacher)
        (tmp_path / "labels.txt").write_text("".join(f"{name}\n" for name in classes))
        (tmp_path / "taught.toml").write_text(TOML.format(teacher=teacher, method=method))
        pipeline = read_pipeline(str(tmp_path / "taught.toml"))
        planned, store = plan(pipeline, pipeline.data.load()), Store(tmp_path / "store")
        clock, progress = Clock(), Progress()
        try:
            look_ahead(planned, store, Networks(planned, store, clock, progress), progress, clock)
        finally:
            progress.stop()

    return call


def test_features_of_other_channels_are_refused(looked):
    with pytest.raises(
        UserError, match=r"stage.. 'taught': .*maps of the teacher are \(8, 8, 12\), but .* \(8, 8, 64\)"
    ):
        looked("blur_robust", 12)


def test_the_same_classes_in_another_order_are_refused(looked):
    with pytest.raises(UserError, match="made for the classes square, circle, triangle, but shapes has circle, square"):
        looked("fgfi", 64, ("square", "circle", "triangle"))


def test_a_teacher_that_knows_nothing_is_refused(looked):
    with pytest.raises(UserError, match="AP of"):
        looked("fgfi", 64, ("circle", "square", "triangle"))
