"""Several teachers in a pipeline: their logits are computed once, kept, and shared; the shipped chains share stages."""

import numpy as np
import pytest

from compress.artifacts.outputs_file import read_outputs
from compress.pipeline import plan, read_pipeline

CHAIN = """
[data]
name = "folder"
path = "{path}"
size = 16

[[stage]]
name = "teacher"
kind = "train"
model = "resnet8"
epochs = 2
batch_size = 16

[[stage]]
name = "assistant"
kind = "distill"
teachers = ["teacher"]
model = "resnet8"
epochs = 2
batch_size = 16
method = {{ name = "logits" }}

[[stage]]
name = "student"
kind = "distill"
teachers = ["teacher", "assistant"]
model = "resnet8"
epochs = 2
batch_size = 16
method = {{ name = "logits", drop_teachers = 1 }}
"""


@pytest.fixture
def folder(colours, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chain.toml").write_text(CHAIN.format(path=colours))
    return tmp_path


def computed(output):
    return [line.split()[2] for line in output.splitlines() if "computing what" in line]


def test_teachers_are_asked_once(folder, main):
    code, output, errors = main("run", "chain.toml")
    assert code == 0, errors
    assert computed(output) == ["teacher", "assistant"]
    kept = sorted((folder / "store/outputs").glob("*.npz"))
    assert len(kept) == 2
    from compress import artifacts
    from compress.evaluate.predictors import to_float

    train = read_pipeline("chain.toml").data.load().train
    images = to_float(train.read(np.arange(len(train))))
    for stage in ("1-teacher", "2-assistant"):
        network = artifacts.load(folder / "runs/chain" / stage / "saved_model")
        wanted = network(images, training=False).numpy()
        assert min(abs(read_outputs(path)["logits"] - wanted).max() for path in kept) < 1e-4 * abs(wanted).max()

    # another student of the same teachers: what they said is there, by the address of the field that is shorter, too
    again = ("--set", "student.combine=mean_logits", "--set", "student.method.drop_teachers=0")
    code, output, errors = main("run", "chain.toml", *again)
    assert code == 0, errors
    assert computed(output) == []
    assert output.count("made before") == 2

    code, output, _ = main("store", "list")
    assert "2 files (kept up to 2000 MB)" in output
    assert "2 files (kept up to inf MB)" in main("store", "list", "--cache-limit", "inf")[1]
    code, _, errors = main("store", "list", "--cache-limit", "nan")
    assert code == 2
    assert errors.endswith(": nan is not a number\n")
    code, output, _ = main("store", "prune", "--days", "0", "--yes")
    assert "2 teachers' outputs" in output
    assert list((folder / "store/outputs").glob("*.npz")) == []


def test_images_that_change_are_shown_to_the_teachers_anew(folder, main):
    code, output, errors = main("run", "chain.toml", "--set", "data.augmentation.flip=true")
    assert code == 0, errors
    assert computed(output) == []
    assert not (folder / "store/outputs").exists()


@pytest.mark.slow
def test_kept_logits_teach_what_the_teachers_themselves_do(folder, main, monkeypatch):
    """Rows of the cache, and teachers in the training step: the same loss, but for rounding, after one epoch."""
    from compress.distill import Logits

    losses = []
    for from_outputs in (True, False):
        monkeypatch.setattr(Logits, "FROM_OUTPUTS", from_outputs)
        code, _, errors = main("run", "chain.toml", "--set", "student.epochs=1", "--store", f"store-{from_outputs}")
        assert code == 0, errors
        assert (folder / f"store-{from_outputs}/outputs").exists() == from_outputs
        history = (folder / "runs/chain/3-student/history.csv").read_text().splitlines()
        losses.append(float(dict(zip(history[0].split(","), history[1].split(","), strict=True))["loss"]))
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


@pytest.mark.slow
def test_one_teacher_teaches_the_same_to_the_last_bit_however_it_is_combined(folder, main):
    logits = []
    for combine in ("each", "mean_logits", "mean_probabilities"):
        settings = ("--set", "student.drop_teachers=0", "--set", 'student.teachers=["teacher"]')
        code, _, errors = main("run", "chain.toml", *settings, "--set", f"student.combine={combine}")
        assert code == 0, errors
        logits.append(read_outputs(folder / "runs/chain/3-student/test_outputs.npz")["logits"])
    np.testing.assert_array_equal(logits[0], logits[1])
    np.testing.assert_array_equal(logits[0], logits[2])


def test_the_shipped_chains_share_what_they_have_in_common():
    dataset = read_pipeline("assistants-direct").data.load()
    keys = {
        name: {step.stage.name: step.key for step in plan(read_pipeline(f"assistants-{name}"), dataset).steps}
        for name in ("direct", "takd", "dgkd", "ensemble")
    }
    for name in ("takd", "dgkd", "ensemble"):
        assert keys[name]["teacher"] == keys["direct"]["teacher"]
        assert keys[name]["assistant8"] == keys["takd"]["assistant8"]  # it has one teacher in all of them
    assert len({keys[name]["assistant6"] for name in ("takd", "dgkd", "ensemble")}) == 3
    assert len({keys[name]["student"] for name in keys}) == 4
