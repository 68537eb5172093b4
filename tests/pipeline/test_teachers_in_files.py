"""Teachers that are files: what does not go together with the student or the data is said before anything trains."""

import pytest

from compress import keras, models
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


def look(path, store):
    """Looks ahead at the pipeline in a file."""
    pipeline = read_pipeline(str(path))
    planned, store = plan(pipeline, pipeline.data.load()), Store(store)
    clock, progress = Clock(), Progress()
    try:
        look_ahead(planned, store, Networks(planned, store, clock, progress), progress, clock)
    finally:
        progress.stop()


@pytest.fixture
def looked(tmp_path):
    """Looks ahead at a detector that is taught, after a stage that trains, by one in a file, of so many channels."""

    def call(method, channels, classes=()):
        teacher = tmp_path / "teacher.keras"
        models.build("resnet10_1_4", (64, 64, 3), DetectionHead(3, 6, channels, 2), seed=0).save(teacher)
        (tmp_path / "labels.txt").write_text("".join(f"{name}\n" for name in classes))
        (tmp_path / "taught.toml").write_text(TOML.format(teacher=teacher, method=method))
        look(tmp_path / "taught.toml", tmp_path / "store")

    return call


def test_features_of_other_channels_are_refused(looked):
    with pytest.raises(
        UserError, match=r"stage.. 'taught': .*maps of the teacher are \(8, 8, 12\), but .* \(8, 8, 64\)"
    ):
        looked("blur_robust", 12)


def renamed(layer):
    config = layer.get_config()
    return type(layer).from_config({**config, "name": config["name"].replace("pyramid", "level")})


@pytest.mark.parametrize(
    ("teacher", "taught"), [('teachers = ["trained"]', 'model = "resnet10_1_4"'), ('input = "trained"', "")]
)
def test_a_network_of_the_users_that_is_trained_first_is_looked_at_too(tmp_path, teacher, taught):
    """It has no feature pyramid: said before the stage that trains it, not after."""
    network = models.build("resnet10_1_4", (64, 64, 3), DetectionHead(3, 6, 12, 2), seed=0)
    keras.models.clone_model(network, clone_function=renamed).save(tmp_path / "own.keras")
    method = "fgfi" if "teachers" in teacher else "blur_robust"
    toml = TOML.format(teacher="trained", method=method).replace('teachers = ["trained"]', f"{teacher}\n{taught}")
    (tmp_path / "taught.toml").write_text(
        toml.replace('model = "resnet10_1_4"', f'saved_model = "{tmp_path}/own.keras"', 1)
    )
    with pytest.raises(UserError, match="stage.. 'taught': .*compares features of the layer pyramid8"):
        look(tmp_path / "taught.toml", tmp_path / "store")


def test_the_same_classes_in_another_order_are_refused(looked):
    with pytest.raises(UserError, match="made for the classes square, circle, triangle, but shapes has circle, square"):
        looked("fgfi", 64, ("square", "circle", "triangle"))


def test_a_teacher_that_knows_nothing_is_refused(looked):
    with pytest.raises(UserError, match="AP of"):
        looked("fgfi", 64, ("circle", "square", "triangle"))
