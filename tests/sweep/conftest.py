"""Sweeps over a small chain whose points share their first stage: planned on the digits, and run on the colours."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

CHAIN = """
[data]
name = "digits"
size = 8

[[stage]]
name = "teacher"
kind = "train"
model = "resnet8"
epochs = 1

[[stage]]
name = "pruned"
kind = "prune"
final_sparsity = 0.3
epochs = 1

[[stage]]
name = "exported"
kind = "export"
"""


SWEEP = """
[sweep]
max_retries = 1
pruned.final_sparsity = [0.3, 0.6]

[data]
name = "folder"
path = "{path}"
size = 16

[[stage]]
name = "teacher"
kind = "train"
model = "resnet8"
epochs = 3
batch_size = 16

[[stage]]
name = "pruned"
kind = "prune"
final_sparsity = 0.9
epochs = 2
batch_size = 16

[[stage]]
name = "exported"
kind = "export"
"""


@pytest.fixture
def chain_toml(tmp_path: Path) -> Path:
    path = tmp_path / "chain.toml"
    path.write_text(CHAIN)
    return path


@pytest.fixture
def planned(chain_toml: Path) -> Callable[[Sequence[str]], list[Any]]:
    """Settings of a sweep -> its points, planned."""
    from compress.sweep.load_sweep import read_sweep
    from compress.sweep.plan import plan_points

    return lambda settings: plan_points(
        read_sweep(str(chain_toml), settings), str(chain_toml), None, False, None, False
    )


@pytest.fixture
def toml(colours: Path, tmp_path: Path) -> Path:
    """mine.toml, SWEEP, in the test's folder."""
    path = tmp_path / "mine.toml"
    path.write_text(SWEEP.format(path=colours))
    return path


@pytest.fixture(scope="session")
def swept(colours: Path, jetslim: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """SWEEP without a break: its folder and its output. Only to be read; copy the folder to change it."""
    folder = tmp_path_factory.mktemp("swept")
    (folder / "mine.toml").write_text(SWEEP.format(path=colours))
    done = jetslim("sweep", "mine.toml", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


@pytest.fixture
def same(swept: tuple[Path, str]) -> Callable[[Path], None]:
    """Fails unless a folder holds what the sweep without a break made, to the last byte, and nothing more."""

    def compare(folder: Path) -> None:
        for name in ("pruned.final_sparsity=0.3", "pruned.final_sparsity=0.6"):
            got, wanted = (where / "runs/mine-sweep" / name / "3-exported" for where in (folder, swept[0]))
            assert (got / "model.tflite").read_bytes() == (wanted / "model.tflite").read_bytes(), name
        made, wanted = ({path.name for path in (where / "store/artifacts").iterdir()} for where in (folder, swept[0]))
        assert made == wanted

    return compare
