"""The shipped pipelines are found by name from an installed wheel."""

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(
    ".*", "store", "runs", "build", "dist", "*.egg-info", "__pycache__", "tests", "benchmarks"
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    if not importlib.util.find_spec("setuptools") or not importlib.util.find_spec("pip"):
        pytest.skip("pip or setuptools is not installed here")
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, folder / "source", symlinks=True, ignore=LEFT_OUT)  # building leaves things in the source
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
         "--wheel-dir", folder, folder / "source"], check=True,
    )  # fmt: skip
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as file:
        file.extractall(folder / "installed")
    return folder / "installed"


def test_the_wheel_holds_every_pipeline(wheel):
    shipped = {path.name: path.read_text() for path in (wheel / "compress/presets").glob("*.toml")}
    assert shipped == {path.name: path.read_text() for path in (ROOT / "pipelines").glob("*.toml")}
    assert "densenet121.toml" in shipped


def test_the_wheel_holds_the_library_alone(wheel):
    assert {path.name for path in wheel.iterdir() if not path.name.endswith(".dist-info")} == {"compress"}
    missing = {path.relative_to(ROOT) for path in (ROOT / "compress").rglob("*.py")} - {
        path.relative_to(wheel) for path in wheel.rglob("*.py")
    }
    assert not missing
    entry = next(wheel.glob("*.dist-info/entry_points.txt")).read_text()
    assert "jetslim = compress.cli:main" in entry


def test_a_pipeline_is_found_by_name_from_anywhere(wheel, tmp_path):
    code = "from compress.pipeline import read_pipeline; import compress; print(compress.__file__, read_pipeline('densenet121').name)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(wheel)}, text=True,
        capture_output=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == [str(wheel / "compress/__init__.py"), "densenet121"]
