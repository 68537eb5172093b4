"""What has a key is never computed twice: across runs, pipelines and names."""

import shutil
import time

import pytest

from compress.pipeline import plan, read_pipeline


@pytest.fixture
def copy(small, tmp_path):
    """The finished pipeline's folder, to be changed."""
    shutil.copytree(small.folder, tmp_path, symlinks=True, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture(scope="module")
def dataset(small):
    return read_pipeline(str(small.toml)).data.load()


def keys(dataset, toml, settings=(), seed=None):
    planned = plan(read_pipeline(str(toml), settings, seed), dataset)
    return {step.stage.name: step.key for step in planned.steps}


def test_a_second_run_trains_nothing(copy, small, jetslim):
    before = {path: path.stat().st_mtime_ns for path in (copy / "store/artifacts").rglob("*") if path.is_file()}
    start = time.monotonic()
    done = jetslim("run", small.toml.name, cwd=copy)
    took = time.monotonic() - start
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("made before") + done.stdout.count("exported before") >= 5
    assert "epoch" not in done.stdout
    assert took < 40
    after = {path: path.stat().st_mtime_ns for path in (copy / "store/artifacts").rglob("*") if path.is_file()}
    assert after == before
    assert (copy / "runs/small/table.csv").read_text().count("\n") == 8


def test_another_file_shares_and_a_later_change_reuses_what_is_before(copy, small, jetslim):
    """In one run: a file with the same first stages under other names, and another last training."""
    text = small.toml.read_text().replace('"teacher"', '"big"').replace('"pruned"', '"thin"')
    (copy / "other.toml").write_text(text)
    done = jetslim("run", "other.toml", "--set", "quantized.epochs=1", cwd=copy)
    assert done.returncode == 0, done.stderr
    assert [f"{name}  epoch" in done.stdout for name in ("big", "distilled", "thin", "quantized")] == [
        False, False, False, True,
    ]  # fmt: skip
    assert (
        len(list((copy / "store/artifacts").iterdir())) == len(list((small.folder / "store/artifacts").iterdir())) + 2
    )
    assert (copy / "runs/other/1-big").resolve() == (copy / "store/artifacts" / keys_of(copy, 1)).resolve()


def keys_of(folder, number):
    return next((folder / "runs/other").glob(f"{number}-*")).resolve().name


def test_a_later_stage_leaves_the_earlier_keys(small, dataset):
    old, new = keys(dataset, small.toml), keys(dataset, small.toml, ["pruned.final_sparsity=0.8"])
    assert {name for name in old if old[name] != new[name]} == {"pruned", "quantized", "exported"}


def test_another_teacher_is_another_student(small, dataset):
    old, new = keys(dataset, small.toml), keys(dataset, small.toml, ["teacher.epochs=4"])
    assert not set(old.values()) & set(new.values())


def test_a_name_is_no_part_of_a_key(small, dataset, tmp_path):
    renamed = tmp_path / "renamed.toml"
    renamed.write_text(small.toml.read_text().replace('"teacher"', '"anything"').replace('"pruned"', '"thin"'))
    assert list(keys(dataset, renamed).values()) == list(keys(dataset, small.toml).values())


@pytest.mark.parametrize("change", ["seed", "data", "augmentation"])
def test_seed_data_and_augmentation_are_part_of_every_key(small, dataset, change):
    old = keys(dataset, small.toml)
    if change == "seed":
        new = keys(dataset, small.toml, seed=1)
    elif change == "data":
        from compress.datasets import DATASETS

        new = keys(DATASETS["digits"](size=16).load(), small.toml)
    else:
        new = keys(dataset, small.toml, ["data.augmentation.flip=true"])
    assert not set(old.values()) & set(new.values())


def test_the_default_written_out_is_the_same_key(small, dataset):
    assert keys(dataset, small.toml, ["teacher.momentum=0.9", "narrowed.input=distilled"]) == keys(dataset, small.toml)
