"""A damaged model is a result, never the end of the runner: truncated and corrupted in many ways, by the zipapp."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from jetson import child


def damaged(content, count):
    """``count`` truncations, then ``count`` corruptions of 1 to 64 bytes, seeded."""
    rng = np.random.default_rng(0)
    for length in np.linspace(0, len(content) - 1, count).astype(int):
        yield content[:length]
    for _ in range(count):
        changed = np.frombuffer(content, np.uint8).copy()
        where = rng.integers(0, len(changed), rng.integers(1, 65))
        changed[where] = rng.integers(0, 256, len(where))
        yield changed.tobytes()


def outcomes(tflite, pyz, folder, count, monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(pyz)])

    def measure(numbered):
        number, content = numbered
        path = folder / f"{number}.tflite"
        path.write_bytes(content)
        # no hash: as a bare .tflite that a user brings along
        found = child.run("accuracy", 20, path=str(path), sha256=None, size=None, testset=str(folder / "testset.npz"),
                          testset_sha256=None, task={"name": "classification"}, expected=None, tolerance={})  # fmt: skip
        path.unlink()
        return found

    np.savez(folder / "testset.npz", images=np.zeros((2, 8, 8, 3), np.uint8), labels=np.zeros(2, np.int64))
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(measure, enumerate(damaged(tflite.read_bytes(), count))))


def explained(found):
    return ("error" in found and len(found["error"]) > 10 and "\n" not in found["error"]) or "metrics" in found


def test_some_damaged_models(tflite, pyz, tmp_path, monkeypatch):
    found = outcomes(tflite, pyz, tmp_path, 8, monkeypatch)
    assert all(map(explained, found)), found
    assert all("error" in one for one in found[:7])  # a truncated file is never run


@pytest.mark.slow
def test_600_damaged_models(tflite, pyz, tmp_path, monkeypatch):
    found = outcomes(tflite, pyz, tmp_path, 300, monkeypatch)
    assert len(found) == 600
    assert all(map(explained, found)), [one for one in found if not explained(one)]
    assert sum("error" in one for one in found) > 250


def test_a_worker_that_is_killed_says_by_what(pyz, tflite, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(pyz)])
    killer = tmp_path / "killer.py"
    killer.write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)\n")
    monkeypatch.setenv("JETSLIM_PYTHON", f"{sys.executable} {killer}")
    assert child.run("latency", 20, path=str(tflite), sha256=None, size=None, threads=1) == {
        "error": "crashed (SIGSEGV)"
    }
