"""The runner under the Python of JetPack 5, where it is on this machine; and its one line under older ones."""

import shutil
import subprocess
from pathlib import Path

import pytest

VERSIONS = Path.home() / ".pyenv" / "versions"


def python(version):
    found = sorted(VERSIONS.glob(f"{version}.*/bin/python")) or [shutil.which(f"python{version}")]
    if not found or found[-1] is None:
        pytest.skip(f"no Python {version} here")
    return found[-1]


@pytest.mark.parametrize("version", ["2.7", "3.6"])
def test_an_older_python_gets_one_line(pyz, version, tmp_path):
    done = subprocess.run([python(version), pyz, "doctor"], cwd=tmp_path, capture_output=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.decode().startswith(
        f"error: jetson.pyz needs Python 3.8 or later, this is {version}; on JetPack 4"
    )
    assert done.stderr.count(b"\n") == 1


@pytest.fixture(scope="module")
def python38(tmp_path_factory):
    """A venv with what jetson/board/requirements-jetpack5-python3.8.txt asks for."""
    folder = tmp_path_factory.mktemp("python38")
    subprocess.run([python("3.8"), "-m", "venv", folder / "venv"], check=True)
    requirements = Path(__file__).parents[2] / "jetson" / "board" / "requirements-jetpack5-python3.8.txt"
    subprocess.run(
        [folder / "venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements, "pytest"],
        check=True, timeout=300,
    )  # fmt: skip
    return folder / "venv/bin/python"


@pytest.mark.slow
def test_a_bundle_under_python_38_with_tflite_runtime(python38, pyz, bundle):
    done = subprocess.run(
        [python38, pyz, "benchmark", ".", "--repetitions", "1", "--threads", "1", "--power-seconds", "0"],
        cwd=bundle, text=True, capture_output=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "this is tflite-runtime 2.13.0: compare no latencies across the two" in done.stdout
    assert "90.00%" in done.stdout


@pytest.mark.slow
def test_the_unit_tests_under_python_38(python38):
    here = Path(__file__).parent
    names = [here / f"test_{name}.py" for name in ("tegrastats", "numbers", "board")]
    done = subprocess.run(
        [python38, "-m", "pytest", "-q", "--noconftest", "-c", "/dev/null", "--rootdir", here.parents[1], *names],
        cwd=here.parents[1], text=True, capture_output=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
