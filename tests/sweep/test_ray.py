"""A sweep on a real Ray cluster on this machine: two worker nodes, one of which dies on the way."""

import csv
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="Ray is not installed here")

ROOT = Path(__file__).parents[2]


@pytest.fixture
def cluster(monkeypatch):
    """A head without processors and two nodes with one each, in processes of their own."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    small = {"object_store_memory": 80_000_000}
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **small})
    made.workers = [made.add_node(num_cpus=1, **small) for _ in range(2)]
    yield made
    made.shutdown()


def node_of(cluster, task):
    """The node whose child runs the task: Ray calls a process by what it does."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            if (status.parent / "cmdline").read_bytes().startswith(f"ray::{task}".encode()):
                parent = int(status.read_text().split("PPid:")[1].split()[0])
                return next(one for one in cluster.workers if one.all_processes["raylet"][0].process.pid == parent)
        except OSError:
            continue  # it has ended meanwhile
    return pytest.fail(f"no node runs {task}")


@pytest.mark.slow
def test_a_node_dies_and_every_point_is_right(cluster, toml, running, same, tmp_path):
    run = running(["sweep", toml.name, "--ray", cluster.address], tmp_path)
    run.until("point 1 | [1/3] teacher  epoch 3/3")
    assert "point 2 of 2" not in run.output  # it would have waited for the teacher, in a node's only processor
    run.until("point 2 | [2/3] pruned (prune)")
    cluster.remove_node(node_of(cluster, "point 2"), allow_graceful=False)
    assert run.end() == 0, run.output
    assert "Traceback" not in run.output
    # Ray says so, whether or not the lines of the second try came through before its end
    assert "node it was running on is dead" in run.output or run.output.count("point 2 | runs on ") == 2
    with (tmp_path / "runs/mine-sweep/sweep.csv").open(newline="") as file:
        assert [row["state"] for row in csv.DictReader(file)] == ["done", "done"]
    same(tmp_path)


def test_no_cluster_there(toml, main, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    code, _, errors = main("sweep", toml, "--ray", "127.0.0.1:1")
    assert code == 2
    assert errors.startswith("Error: cannot join a Ray cluster at 127.0.0.1:1: ") and errors.count("\n") == 1


@pytest.mark.slow
def test_what_no_node_can_give_is_said(cluster, toml, running, tmp_path):
    toml.write_text(toml.read_text().replace("max_retries = 1", "num_gpus = 1"))
    run = running(["sweep", toml.name, "--ray", cluster.address], tmp_path)
    run.until("no node of the cluster has num_cpus = 1, num_gpus = 1: it waits for one")
