"""``jetslim sweep`` as a user runs it: a grid of small chains on the folder of colours."""

import csv
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT, command, environment


def rows(folder):
    with (folder / "sweep.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def workers(parent):
    """Process ids of a sweep's workers."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            about = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
            is_worker = b"spawn_main" in (status.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if is_worker and int(about["PPid"]) == parent:
            found.append(int(status.parent.name))
    return found


def gone(pids, seconds=10):
    until = time.monotonic() + seconds
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < until:
        time.sleep(0.1)
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_shared_stages_are_made_once_and_all_is_told(swept):
    _, output = swept
    assert "2 points of pruned.final_sparsity: 2 to go, with 5 stages to make (6 if nothing were shared)" in output
    assert output.count("teacher  epoch 3/3") == 1
    assert output.count("pruned  epoch 2/2") == 2
    assert "point 1 of 2: pruned.final_sparsity=0.3" in output
    assert "point 1 | [1/3] teacher  epoch 1/3" in output
    assert "point 1 of 2 is made in " in output
    assert "1 of 2 points ended, 0:" in output
    assert "Traceback" not in output


def test_each_point_is_an_ordinary_run(swept, toml, jetslim, tmp_path):
    """The second point, which was made after another in one process, is what a run with an empty store makes."""
    from compress.artifacts.files import seal

    folder, _ = swept
    done = jetslim("run", "mine.toml", "--set", "pruned.final_sparsity=0.6", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "note: the file's [sweep] table is for `jetslim sweep`" in done.stdout
    point, alone = folder / "runs/mine-sweep/pruned.final_sparsity=0.6", tmp_path / "runs/mine"
    for file in ("3-exported/model.tflite", "3-exported/model.sparse.tflite"):
        assert (point / file).read_bytes() == (alone / file).read_bytes()
    got, wanted = (json.loads((where / "run.json").read_text()) for where in (point, alone))
    assert got == seal(got)
    assert got.keys() == wanted.keys()
    for what in ("pipeline", "seed", "settings", "config_toml", "data", "machine"):
        assert got[what] == wanted[what], what
    assert [stage["cached"] for stage in got["stages"]] == [True, False, False]
    for ours, others in zip(got["stages"], wanted["stages"], strict=True):
        assert ours.keys() == others.keys()
        assert [ours[what] for what in ("name", "key", "metrics", "tflite_bytes")] == [
            others[what] for what in ("name", "key", "metrics", "tflite_bytes")
        ]
        assert ours["latency"]["latency_ms_p50"] > 0
    assert (point / "report.md").is_file() and (point / "report.html").is_file()


def test_the_sweeps_own_tables_and_plots(swept):
    folder, output = swept
    told = rows(folder / "runs/mine-sweep")
    assert [(row["point"], row["pruned.final_sparsity"], row["state"]) for row in told] == [
        ("1", "0.3", "done"), ("2", "0.6", "done"),
    ]  # fmt: skip
    for row in told:
        run = json.loads(
            (folder / f"runs/mine-sweep/pruned.final_sparsity={row['pruned.final_sparsity']}/run.json").read_text()
        )
        assert float(row["top1"]) == run["stages"][-1]["metrics"]["top1"]
        assert float(row["latency_ms_p50"]) == run["stages"][-1]["latency"]["latency_ms_p50"]
        assert float(row["kernel_sparsity"]) == pytest.approx(float(row["pruned.final_sparsity"]), abs=0.01)
    assert (folder / "runs/mine-sweep/sweep.md").read_text() in output
    assert (folder / "runs/mine-sweep/sweep.html").read_text().count('class="path') == 2  # a line a point
    plotted = {path.stem for path in (folder / "runs/mine-sweep/plots").glob("*.png")}
    assert plotted - {"temperature", "nll_scaled", "ece_scaled"} == {  # none where no validation image is wrong
        "top1", "params", "kernel_sparsity", "tflite_bytes", "sparse_tflite_bytes", "gzip_bytes", "latency_ms_p50",
        "nll", "brier", "ece",
    }  # fmt: skip


def test_a_finished_point_is_not_run_again(swept, main, monkeypatch, tmp_path):
    """Nor is a process started for it, or for one whose results are not there, or were edited: the store has it all."""
    import compress.sweep.local

    folder, _ = swept
    shutil.copytree(folder, tmp_path, symlinks=True, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(compress.sweep.local, "_start_worker", lambda: pytest.fail("a worker was started"))
    before = (tmp_path / "runs/mine-sweep/sweep.csv").read_text()
    code, output, _ = main("sweep", "mine.toml")
    assert code == 0
    assert "2 finished before, 0 to go, with 0 stages to make" in output
    assert (tmp_path / "runs/mine-sweep/sweep.csv").read_text() == before
    path = tmp_path / "runs/mine-sweep/pruned.final_sparsity=0.6/run.json"
    run = json.loads(path.read_text())
    run["stages"][-1]["metrics"]["top1"] = 0.5
    path.write_text(json.dumps(run))
    (tmp_path / "runs/mine-sweep/pruned.final_sparsity=0.3/run.json").unlink()  # killed before it was measured
    (tmp_path / "runs/mine-sweep/sweep.csv").unlink()
    assert main("sweep", "mine.toml")[0] == 0
    assert (tmp_path / "runs/mine-sweep/sweep.csv").read_text() == before
    assert json.loads(path.read_text())["stages"][-1]["metrics"]["top1"] != 0.5
    shutil.rmtree(next((tmp_path / "store/artifacts").iterdir()))  # as `jetslim store prune` may
    with pytest.raises(pytest.fail.Exception, match="a worker was started"):
        main("sweep", "mine.toml")


@pytest.mark.parametrize(("file", "cause"), [
    ("model.tflite", "what it made cannot be read, delete it: "),
    ("test_outputs.npz", "what it made cannot be read, delete it: "),
])  # fmt: skip
def test_a_point_whose_files_are_gone_fails_by_itself(swept, main, monkeypatch, tmp_path, file, cause):
    """Deleted between its making and the end of the sweep."""
    folder, _ = swept
    shutil.copytree(folder, tmp_path, symlinks=True, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    run = json.loads((tmp_path / "runs/mine-sweep/pruned.final_sparsity=0.3/run.json").read_text())
    exported = tmp_path / "store/artifacts" / run["stages"][-1]["key"]
    (exported / file).unlink()
    shutil.rmtree(tmp_path / "store/measurements")
    shutil.rmtree(tmp_path / "runs")
    code, _, errors = main("sweep", "mine.toml")
    assert code == 1
    assert errors.startswith(f"Error: 1 of 2 points failed (point 1: {cause}")
    assert "Traceback" not in errors
    assert [row["state"] for row in rows(tmp_path / "runs/mine-sweep")] == ["failed", "done"]


def test_mistakes_are_found_before_anything_runs(toml, main, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for arguments, words in [
        (["--set", "pruned.final_sparsity=0.5,1.5"], "pruned.final_sparsity=1.5: [[stage]] 'pruned': final_sparsity = 1.5"),
        (["--set", "pruned.final_sparsity=0.5,"], "a value is missing"),
        (["--set", "seed=0,-1"], "seed = -1 must be a whole number"),
        (["--set", "pruned.final_sparsity=0.5"], "nothing to sweep"),
        (["--jobs", "2", "--ray", "auto"], "--jobs and --ray cannot be combined"),
        (["--set", "data.path=nowhere,elsewhere"], "pruned.final_sparsity=0.3,data.path=nowhere: "),
    ]:  # fmt: skip
        code, _, errors = main("sweep", toml, *arguments)
        assert code == 2, arguments
        assert errors.startswith("Error: ") and errors.count("\n") == 1, errors
        assert words in errors
    assert os.listdir(tmp_path) == ["mine.toml"]


LOUD = """
import multiprocessing, os, sys

class Loud:
    has_begun = False

    def find_spec(self, name, *_):
        if multiprocessing.parent_process() is None:
            return
        if name == "tensorflow" and not self.has_begun:
            self.has_begun = True
            os.write(1, b"a worker's library writes\\n")
        elif self.has_begun and name.startswith("compress."):
            print("a worker's library prints")

sys.meta_path.insert(0, Loud())
"""


def test_a_points_failure_is_its_own_and_json_is_alone_on_standard_output(toml, tmp_path):
    """One of two teachers does not learn: the other points that would learn from it are not tried in vain."""
    (tmp_path / "loud").mkdir()
    (tmp_path / "loud/sitecustomize.py").write_text(LOUD)
    arguments = [
        "sweep", toml.name, "--set", "teacher.learning_rate=1e30,1e-3", "--set", "teacher.optimizer=sgd",
        "--set", "teacher.epochs=1", "--set", "pruned.epochs=1", "--jobs", 2, "--json",
    ]  # fmt: skip
    loud = environment(PYTHONPATH=f"{tmp_path / 'loud'}{os.pathsep}{ROOT}")
    done = subprocess.run(command(arguments), cwd=tmp_path, env=loud, text=True, capture_output=True, timeout=500)
    assert done.returncode == 1, done.stdout + done.stderr
    told = rows(tmp_path / "runs/mine-sweep")
    assert [row["state"] for row in told] == ["failed", "done", "failed", "done"]
    assert "stage 'teacher': the loss is" in told[0]["cause"]
    assert told[2]["cause"] == f"as point 1: {told[0]['cause']}"
    assert "Error: 2 of 4 points failed (point 1: stage 'teacher': the loss is" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stderr.count("teacher  epoch 1/1") == 1
    assert "another run is making this stage" not in done.stderr
    assert done.stderr.count("a worker's library writes") == 2
    assert "a worker's library prints" in done.stderr
    assert done.stdout.count("\n") == 1
    assert [point["state"] for point in json.loads(done.stdout)["points"]] == ["failed", "done", "failed", "done"]


@pytest.mark.slow
def test_killed_workers_take_only_their_own_point(toml, running, same, tmp_path):
    run = running(["sweep", toml.name], tmp_path)
    for death in ("first", "second"):
        run.until("point 1 | [1/3] teacher  epoch 2/3" if death == "first" else "point 1 | [1/3] teacher (train)")
        (worker,) = workers(run.process.pid)
        os.kill(worker, signal.SIGKILL)
        if death == "first":
            run.until("point 1 | its process ended by SIGKILL (no memory left?): it is started again")
    assert run.end() == 1
    told = rows(tmp_path / "runs/mine-sweep")
    assert [row["state"] for row in told] == ["failed", "done"]
    assert told[0]["cause"] == "its process ended by SIGKILL (no memory left?), 2 times"
    again = running(["sweep", toml.name], tmp_path)
    assert again.end() == 0, again.output
    assert "1 finished before, 1 to go, with 2 stages to make" in again.output
    same(tmp_path)


@pytest.mark.slow
def test_ctrl_c_and_a_kill_leave_nothing_running_and_it_goes_on(toml, running, same, tmp_path):
    run = running(["sweep", toml.name, "--jobs", 2], tmp_path)
    run.until("teacher  epoch 2/3")
    left = workers(run.process.pid)
    assert len(left) == 2
    run.send(signal.SIGINT)
    asked = time.monotonic()
    assert run.end(timeout=20) == 130
    assert time.monotonic() - asked < 10
    assert "run the same command again" in run.output
    assert "Traceback" not in run.output
    assert gone(left)

    second = running(["sweep", toml.name, "--jobs", 2], tmp_path)
    second.until("pruned  epoch 1/2")
    assert "teacher  epoch 1/3" not in second.output
    left = workers(second.process.pid)
    second.send(signal.SIGKILL)
    assert second.end() == -signal.SIGKILL
    assert gone(left)

    last = running(["sweep", toml.name, "--jobs", 2], tmp_path)
    assert last.end() == 0, last.output
    assert "teacher  epoch" not in last.output
    same(tmp_path)
