"""Kill it at any moment and run the same command again: it goes on, and ends as if it had never been stopped."""

import csv
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.conftest import environment

SHORT = """
[data]
name = "folder"
path = "{path}"
size = 16

[[stage]]
name = "teacher"
kind = "train"
model = "resnet8"
epochs = {epochs}
batch_size = 16
"""


def whole(store):
    """The keys of the artifacts; fails if one of them is not whole."""
    paths = sorted((store / "artifacts").iterdir()) if (store / "artifacts").exists() else []
    assert all((path / "stage.json").is_file() for path in paths), paths
    return [path.name for path in paths]


def epochs(output, stage):
    """The epochs of a stage that a run trained, by its output."""
    return [int(number) for number in re.findall(rf"\] {stage}  epoch (\d+)/", output)]


def weights(saved_model):
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(saved_model / "variables" / "variables"))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map() if "OBJECT_GRAPH" not in name}


@pytest.mark.slow
def test_stopped_again_and_again_it_ends_as_if_uninterrupted(small, running, tmp_path):
    shutil.copy(small.toml, tmp_path)
    store, go = tmp_path / "store", ["run", small.toml.name]

    first = running(go, tmp_path)
    first.until("teacher  epoch 2/3")
    first.send(signal.SIGSTOP)  # holds the stage's lock and makes nothing
    second = running(go, tmp_path)
    second.until("another run is making this stage in the same store: waiting for it")
    first.send(signal.SIGKILL)  # the one that waits takes over
    assert first.end() == -signal.SIGKILL
    assert whole(store) == []

    second.until("[2/6] distilled  epoch 2/3")
    goes_on(second.output, "teacher", 2, 3)
    made = whole(store)
    assert len(made) == 2  # the network and its .tflite
    second.send(signal.SIGINT)
    asked = time.monotonic()
    assert second.end(timeout=20) == 130
    assert time.monotonic() - asked < 10
    assert "run the same command again" in second.output
    assert "Traceback" not in second.output

    third = running(go, tmp_path)
    third.until("round 2 of 2")  # of narrowing: the first was trained, of the second only the choice is kept
    assert epochs(third.output, "teacher") == []
    goes_on(third.output, "distilled", 2, 3)
    third.send(signal.SIGKILL)
    assert third.end() == -signal.SIGKILL
    assert len(whole(store)) == 4

    fourth = running(go, tmp_path)
    fourth.until("[4/6] pruned")
    goes_on(fourth.output, "narrowed", 1, 2)
    fourth.until("saving")
    fourth.send(signal.SIGKILL)
    assert fourth.end() == -signal.SIGKILL
    assert set(made) < set(whole(store))
    assert len(whole(store)) == 6

    fifth = running(go, tmp_path)
    fifth.until("quantized  epoch 1/2")
    assert epochs(fifth.output, "pruned") == []
    fifth.send(signal.SIGKILL)
    assert fifth.end() == -signal.SIGKILL
    assert len(whole(store)) == 8

    last = running(go, tmp_path)
    assert last.end() == 0, last.output
    goes_on(last.output, "quantized", 1, 2)
    for stage in ("teacher", "distilled", "narrowed", "pruned"):
        assert epochs(last.output, stage) == []
    assert whole(store) == whole(small.folder / "store")
    assert not [path for path in (store / "work").iterdir() if path.is_dir()]

    for number, stage in enumerate(("teacher", "distilled", "narrowed", "pruned", "quantized"), start=1):
        got, wanted = (
            weights(folder / f"runs/small/{number}-{stage}/saved_model") for folder in (tmp_path, small.folder)
        )
        assert got.keys() == wanted.keys()
        assert [name for name in wanted if not np.array_equal(got[name], wanted[name])] == [], stage
        got, wanted = (history(folder / f"runs/small/{number}-{stage}") for folder in (tmp_path, small.folder))
        assert got == wanted
    for file in ("model.tflite", "model.sparse.tflite", "model.json", "labels.txt"):
        got, wanted = ((folder / "runs/small/6-exported" / file).read_bytes() for folder in (tmp_path, small.folder))
        assert got == wanted, file


def goes_on(output, stage, shown, of):
    """The stage repeated no epoch before the last one shown; that one itself is shown just before it is kept."""
    trained = epochs(output, stage)
    assert trained == list(range(of + 1 - len(trained), of + 1))
    assert min(trained, default=of) >= shown


def history(folder):
    """The rows of history.csv without how long they took."""
    with (folder / "history.csv").open(newline="") as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]


@pytest.fixture
def short(colours, tmp_path):
    """A single stage of a few epochs, each a tenth of a second."""

    def write(epochs):
        (tmp_path / "short.toml").write_text(SHORT.format(path=colours, epochs=epochs))
        return ["run", "short.toml"]

    return write


def test_two_runs_at_once(short, running, tmp_path):
    """One trains, the other waits for it or finds what it made."""
    first, second = (running(short(3), tmp_path) for _ in range(2))
    outputs = []
    for run in (first, second):
        code = run.end()
        outputs.append(run.output)
        assert code == 0, run.output
    assert sorted(epochs(output, "teacher") for output in outputs) == [[], [1, 2, 3]]
    (idle,) = (output for output in outputs if not epochs(output, "teacher"))
    assert "another run is making this stage in the same store: waiting for it" in idle or "made before" in idle
    assert len(whole(tmp_path / "store")) == 2


def test_ctrl_c_before_the_first_epoch(short, running, tmp_path):
    run = running(short(200), tmp_path)  # so many that a fast machine does not end them in that second
    run.until("teacher (train)")
    time.sleep(1)  # it compiles its step
    run.send(signal.SIGINT)
    asked = time.monotonic()
    assert run.end(timeout=20) == 130
    assert time.monotonic() - asked < 10
    assert run.output.count("run the same command again") == 1
    assert "Traceback" not in run.output
    assert whole(tmp_path / "store") == []


def test_an_error_that_ctrl_c_became_is_ctrl_c(tmp_path):
    """As an import of TensorFlow that is broken off can raise one."""
    code = """
import importlib, os, signal, sys, time
module = importlib.import_module("compress.cli.main")
def broken(*_, **__):
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
    except KeyboardInterrupt:
        raise RuntimeError("half a class")
module.cli.main = broken
module.main(["run", "tiny"])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment(), text=True, capture_output=True)
    assert done.returncode == 130, done.stderr
    assert done.stderr.count("run the same command again") == 1 and "Traceback" not in done.stderr


def test_a_full_disk(short, jetslim, tmp_path):
    """A file size limit stops TensorFlow's writers as a full disk does."""

    def full():
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    failed = jetslim(*short(1), cwd=tmp_path, preexec_fn=full)
    assert failed.returncode == 2, failed.stdout + failed.stderr
    assert "Traceback" not in failed.stderr
    errors = [line for line in failed.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1
    assert "disk is full" in errors[0]
    assert "run the same command again" in errors[0]
    assert whole(tmp_path / "store") == []
    done = jetslim(*short(1), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(whole(tmp_path / "store")) == 2
