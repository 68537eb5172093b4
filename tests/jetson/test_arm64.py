"""The zipapp on the Jetson's processor family: Debian's arm64 Python 3.9, the arm64 interpreter, emulated by qemu.

It shows that the runner and the interpreter work there; its times mean nothing, and none is looked at.
"""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.arm64
KEPT = Path(__file__).parents[2] / "build" / "arm64"  # made once: about 100 MB
QEMU = shutil.which("qemu-aarch64-static")
WHEELS = ("ai-edge-litert==2.1.0", "numpy==2.0.2")  # of jetson/board/requirements-jetpack5.txt


@pytest.fixture(scope="module")
def rootfs():
    if QEMU is None or shutil.which("mmdebstrap") is None:
        pytest.skip("no emulator here: apt-get install qemu-user-static mmdebstrap")
    root = KEPT / "rootfs"
    if not root.exists():
        shutil.rmtree(KEPT, ignore_errors=True)
        part = KEPT / "part"
        # without the security suite, whose packages move away when a release grows old
        part.parent.mkdir(parents=True)
        subprocess.run(
            ["mmdebstrap", "--variant=extract", "--architectures=arm64",
             "--include=python3-minimal,libpython3-stdlib,libstdc++6", "bullseye", part,
             "deb http://deb.debian.org/debian bullseye main"], check=True, timeout=500,
        )  # fmt: skip
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
             "--platform", "manylinux2014_aarch64", "--platform", "manylinux_2_27_aarch64", "--python-version", "39",
             "--dest", KEPT / "wheels", *WHEELS], check=True, timeout=300,
        )  # fmt: skip
        for wheel in (KEPT / "wheels").glob("*.whl"):
            zipfile.ZipFile(wheel).extractall(part / "site")
        part.rename(root)
    return root


@pytest.fixture(scope="module")
def emulated(rootfs, pyz):
    """Runs the zipapp in the emulated Python."""
    start = [QEMU, "-cpu", "cortex-a76", "-L", str(rootfs), str(rootfs / "usr/bin/python3.9")]

    def call(*words, cwd):
        environment = {
            "PATH": "/usr/bin:/bin", "PYTHONPATH": str(rootfs / "site"), "PYTHONHOME": str(rootfs / "usr"),
            "JETSLIM_PYTHON": " ".join(start),
        }  # fmt: skip
        return subprocess.run(
            [*start, pyz, *map(str, words)], cwd=cwd, env=environment, text=True, capture_output=True, timeout=500
        )

    return call


def test_a_bundle_on_arm64(emulated, bundle):
    done = emulated("benchmark", ".", "--repetitions", "1", "--threads", "1", "--power-seconds", "0", cwd=bundle)
    assert done.returncode == 0, done.stderr
    (path,) = (bundle / "results").glob("*.json")
    found = json.loads(path.read_text())
    assert found["board"]["machine"] == "aarch64"
    assert found["board"]["emulated"] is True
    assert found["board"]["is_jetson"] is False
    assert found["runtime"] == {"name": "ai-edge-litert", "version": "2.1.0"}
    for model in found["models"]:
        assert model["accuracy"]["expected"]["same_answers"] == 1.0
        assert model["accuracy"]["expected"]["within_tolerance"] == 1.0
        assert model["accuracy"]["metrics"]["top1"] == 0.9
    assert "this processor is emulated: its times mean nothing" in found["warnings"]


def test_a_damaged_model_does_not_kill_the_runner_on_arm64(emulated, tflite, tmp_path):
    content = np.frombuffer(tflite.read_bytes(), np.uint8).copy()
    content[8 : len(content) // 2] = np.random.default_rng(0).integers(0, 256, len(content) // 2 - 8)
    (tmp_path / "bad.tflite").write_bytes(content.tobytes())
    done = emulated(
        "benchmark", "bad.tflite", "--repetitions", "1", "--threads", "1", "--power-seconds", "0", cwd=tmp_path
    )
    assert done.returncode == 1
    (path,) = (tmp_path / "results").glob("*.json")
    (error,) = json.loads(path.read_text())["models"][0]["latency"][0]["errors"]
    assert error.startswith(("crashed (", "the interpreter refuses the model", "ended with code"))
