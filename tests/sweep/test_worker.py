"""A worker's outcome, and what becomes of a worker that dies."""

import os
import struct
from multiprocessing import Pipe
from types import SimpleNamespace

import pytest

from compress.errors import Failure, UserError
from compress.stages import Unfaithful
from compress.sweep import local, worker
from compress.training import Diverged


@pytest.mark.parametrize(("error", "failed_stage_key"), [
    (Diverged("the loss is nan"), True),
    (Unfaithful("a zero was lost"), True),
    (UserError("stage 'teacher' was deleted from the store during the run"), False),
    (Failure("no room on the disk"), False),
])  # fmt: skip
def test_only_what_would_fail_again_stops_other_points(planned, monkeypatch, tmp_path, error, failed_stage_key):
    (one, _) = planned(["pruned.final_sparsity=0.3,0.6"])

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(worker, "make", fail)
    job = worker.Job(1, one.plan.pipeline, one.keys, tmp_path / "store", 0, None, False)
    outcome = worker.make_point(job, print)
    assert outcome.cause == str(error)
    assert outcome.failed_stage_key == (one.keys[0] if failed_stage_key else "")
    assert not outcome.traceback


def test_a_worker_that_is_killed_in_the_middle_of_a_word_has_died(monkeypatch):
    ours, theirs = Pipe()
    os.write(theirs.fileno(), struct.pack("!i", 20_000) + b"half of it")
    theirs.close()
    processes = local.Processes(at_once=1, max_retries=0)
    dead = SimpleNamespace(join=lambda: None, exitcode=-9)
    processes._workers = [local._Worker(dead, ours, SimpleNamespace(number=7))]
    monkeypatch.setattr(local, "_start_worker", lambda: None)
    ((number, outcome),) = processes.wait(1)
    assert number == 7
    assert outcome.cause == "its process ended by SIGKILL (no memory left?)"
