"""Two workers on this machine: they train as one does, write what one writes, and end when one of them is lost or all
are told to end."""

import json
import re
import signal
import socket

import numpy as np
import pytest

TOML = """
[data]
name = "folder"
path = "{path}"
size = 16

[[stage]]
name = "teacher"
kind = "train"
model = "resnet8"
epochs = 4
batch_size = 20
optimizer = "sgd"
learning_rate = 3e-4

[[stage]]
name = "exported"
kind = "export"
"""  # 20 steps, of which every fifth has 16 images

SETTINGS = "epochs = 1\nbatch_size = 20\noptimizer = 'sgd'\nlearning_rate = 3e-4\n"
CHAIN = f"""
[data]
name = "folder"
path = "{{path}}"
size = 16

[[stage]]
name = "teacher"
kind = "train"
model = "resnet8"
{SETTINGS}
[[stage]]
name = "distilled"
kind = "distill"
teachers = ["teacher"]
method.name = "logits"
model = "resnet8"
{SETTINGS}
[[stage]]
name = "narrowed"
kind = "narrow"
parameters = 0.7
{SETTINGS}
[[stage]]
name = "pruned"
kind = "prune"
final_sparsity = 0.5
{SETTINGS}
[[stage]]
name = "quantized"
kind = "quantize"
{SETTINGS}
[[stage]]
name = "exported"
kind = "export"
"""


@pytest.fixture
def pair(running, colours, tmp_path):
    """Starts the chief and the other worker of a pipeline on a store that they share."""
    for name, text in (("short", TOML), ("chain", CHAIN)):
        (tmp_path / f"{name}.toml").write_text(text.format(path=colours))

    def start(name="short"):
        listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        addresses = [f"127.0.0.1:{listener.getsockname()[1]}" for listener in listeners]
        for listener in listeners:
            listener.close()
        go = ["run", f"{name}.toml", "--strategy", "multi_worker"]
        configs = [
            json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": number}})
            for number in range(2)
        ]
        return [running(go, tmp_path, TF_CONFIG=config, CUDA_VISIBLE_DEVICES="") for config in configs]

    return start


def epochs(run):
    return [int(number) for number in re.findall(r"\] teacher  epoch (\d+)/", run.output)]


def said_why(run):
    """The error of a worker that has lost another: one line, and no other of an error."""
    assert run.end(timeout=90) == 1, run.output
    (line,) = [line for line in run.output.splitlines() if "rror" in line]
    assert re.match(r"Error: a worker of the cluster was lost \(.*\): .*start it again on all of them", line)


def weights(stage):
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(stage / "saved_model/variables/variables"))
    names = sorted(name for name in reader.get_variable_to_shape_map() if "OBJECT_GRAPH" not in name)
    return np.concatenate([reader.get_tensor(name).ravel() for name in names])


def kept(store):
    """The keys of the artifacts."""
    return sorted(path.name for path in (store / "artifacts").iterdir())


@pytest.mark.slow
def test_two_workers_killed_in_turn_end_as_one_that_is_not(pair, jetslim, tmp_path):
    alone = jetslim("run", "short.toml", "--store", "alone", "--runs", "runs-alone", cwd=tmp_path)

    chief, other = pair()
    chief.until("teacher  epoch 1/4")
    other.send(signal.SIGKILL)
    said_why(chief)
    assert not list((tmp_path / "store").glob("artifacts/*"))

    chief, other = pair()
    chief.until("teacher  epoch")
    chief.send(signal.SIGKILL)
    said_why(other)

    chief, other = pair()
    assert [run.end() for run in (chief, other)] == [0, 0], chief.output + other.output
    assert epochs(chief) == epochs(other)
    assert epochs(chief)[0] >= 2  # what was finished is not done again
    assert epochs(chief)[-1] == 4
    assert "the chief (worker 0) writes the results" in other.output
    store = tmp_path / "store"
    assert not list(store.glob("work/*/")) and not list(store.glob(".*"))

    assert alone.returncode == 0, alone.stderr
    one, two = weights(tmp_path / "runs-alone/short/1-teacher"), weights(tmp_path / "runs/short/1-teacher")
    # at a rate of 0.02 it is 3e-3, and so it is for one device that gets the rows of a batch in another order
    assert np.linalg.norm(one - two) < 1e-4 * np.linalg.norm(one)
    assert kept(tmp_path / "alone") == kept(tmp_path / "store")


def test_sigterm_ends_every_worker_at_once_and_the_next_run_goes_on(pair, running, tmp_path):
    """It is what Slurm and Kubernetes send first; TensorFlow's own handler of it would go on training."""
    workers = pair()
    workers[0].until("teacher  epoch 1/4")
    for worker in workers:
        worker.send(signal.SIGTERM)
    assert [worker.end(timeout=10) for worker in workers] == [-signal.SIGTERM] * 2
    assert not list((tmp_path / "store").glob("artifacts/*"))

    after = running(["run", "short.toml"], tmp_path)  # alone: it may go on with what two began
    after.until("teacher  epoch")
    assert epochs(after)[0] >= 2


@pytest.mark.slow  # a minute of processor time
def test_every_kind_of_stage_gives_on_two_workers_what_it_gives_on_one(pair, jetslim, tmp_path):
    alone = jetslim("run", "chain.toml", "--store", "alone", "--runs", "runs-alone", cwd=tmp_path)
    assert alone.returncode == 0, alone.stderr
    chief, other = pair("chain")
    assert [run.end() for run in (chief, other)] == [0, 0], chief.output + other.output
    assert kept(tmp_path / "alone") == kept(tmp_path / "store")

    folders = [tmp_path / runs / "chain" for runs in ("runs-alone", "runs")]
    for stage in ("1-teacher", "2-distilled", "3-narrowed", "4-pruned", "5-quantized"):
        one, two = (weights(folder / stage) for folder in folders)
        assert one.size == two.size  # the same channels were removed
        assert ((one == 0) == (two == 0)).all()  # and the same weights pruned
        # rounding alone; an int8 weight that it moves to the next step is further away than that
        assert np.linalg.norm(one - two) < (1e-3 if stage == "5-quantized" else 1e-5) * np.linalg.norm(one)
    one, two = (np.load(folder / "6-exported/test_outputs.npz")["probabilities"] for folder in folders)
    assert np.abs(one - two).max() < 0.01  # a few steps of the int8 outputs


def test_what_workers_cannot_do_is_told_first(tmp_path, main, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TF_CONFIG", raising=False)
    code, _, errors = main("run", "tiny", "--strategy", "multi_worker")
    assert code == 2
    assert errors.startswith("Error: --strategy multi_worker needs TF_CONFIG on every worker, such as TF_CONFIG='{")
    assert len(errors.splitlines()) == 1
    code, _, errors = main("sweep", "tiny", "--set", "seed=0,1", "--strategy", "mirrored", "--jobs", "2")
    assert code == 2
    assert "--strategy mirrored uses all GPUs of this machine for each point" in errors
    assert not (tmp_path / "store").exists()
