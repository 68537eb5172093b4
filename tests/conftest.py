"""Shared by the tests of whole commands: a quick data set, quick pipelines, and ways to run jetslim."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]

if "PYTEST_XDIST_WORKER" in os.environ:  # several workers, each with processes of its own: a core for each
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    _fail_if_skipped((yield).get_result())


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    _fail_if_skipped((yield).get_result())


def _fail_if_skipped(report: Any) -> None:
    """With JETSLIM_NO_SKIPS a skipped test or file fails, unless its reason has one of the phrases in JETSLIM_MAY_SKIP."""
    if not report.skipped or not os.environ.get("JETSLIM_NO_SKIPS") or hasattr(report, "wasxfail"):
        return
    reason = str(report.longrepr[2])
    allowed = filter(None, os.environ.get("JETSLIM_MAY_SKIP", "").split(","))
    if not any(phrase in reason for phrase in allowed):
        report.outcome, report.longrepr = "failed", f"{report.nodeid} was not run, and should have been: {reason}"


SMALL = """
[report]
noise_images = 4
worst_images = 3
goals = {{ megabytes = 5.0 }}

[data]
name = "folder"
path = "{path}"
size = 16

[[stage]]
name = "teacher"
kind = "train"
model = "resnet8"
epochs = 3
batch_size = 6

[[stage]]
name = "distilled"
kind = "distill"
teachers = ["teacher"]
model = "resnet8"
epochs = 3
batch_size = 6
method = {{ name = "activation_boundary", init_epochs = 1, layers = [["stage3_block1_add", "stage3_block1_add"]] }}

[[stage]]
name = "narrowed"
kind = "narrow"
parameters = 0.6
rounds = 2
epochs = 2
batch_size = 6

[[stage]]
name = "pruned"
kind = "prune"
final_sparsity = 0.7
epochs = 2
batch_size = 6

[[stage]]
name = "quantized"
kind = "quantize"
epochs = 2
batch_size = 6
learning_rate = 1e-4

[[stage]]
name = "exported"
kind = "export"
"""
"""Every kind of stage with the network that compiles fastest."""


@dataclass(frozen=True)
class Finished:
    """What ``jetslim run`` left: the folder with store/ and runs/, the TOML file, and what was on the screen."""

    folder: Path
    toml: Path
    output: str


class Running:
    """A ``jetslim`` process whose output is read line by line."""

    def __init__(self, arguments: Sequence[Any], folder: Path, **variables: str) -> None:
        self.process = subprocess.Popen(
            command(arguments), cwd=folder, env=environment(**variables), text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        self.output = ""

    def until(self, words: str) -> None:
        """Reads up to the line that holds ``words``."""
        for line in self.process.stdout:
            self.output += line
            if words in line:
                return
        pytest.fail(f"the process ended before it said {words!r}:\n{self.output}")

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self, timeout: float = 300) -> int:
        """Reads to the end; returns the exit code."""
        rest, _ = self.process.communicate(timeout=timeout)
        self.output += rest
        return self.process.returncode


def command(arguments: Sequence[Any]) -> list[str]:
    return [sys.executable, "-m", "compress", *map(str, arguments)]


def environment(**changes: str) -> dict[str, str]:
    """This process's, so that ``python -m compress`` is the checkout's; a narrow terminal wraps nothing."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JETSLIM_")}
    return {**kept, "PYTHONPATH": str(ROOT), **changes}


def noisy(colour: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """uint8 (count, 16, 16, 3): bright in one channel, dark in the others, with noise."""
    images = rng.integers(0, 100, (count, 16, 16, 3), dtype=np.uint8)
    images[..., colour] += 150
    return images


@pytest.fixture(scope="session")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of red, green and blue images, 16x16: 96 to train on, 24 to validate on, 60 to test."""
    folder = tmp_path_factory.mktemp("colours")
    rng = np.random.default_rng(0)
    for split, count in (("train", 32), ("validation", 8), ("test", 20)):
        for channel, name in enumerate(("red", "green", "blue")):
            (folder / split / name).mkdir(parents=True)
            for number, pixels in enumerate(noisy(channel, count, rng)):
                Image.fromarray(pixels).save(folder / split / name / f"{number}.png")
    return folder


@pytest.fixture(scope="session")
def jetslim() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a command in a process of its own: ``jetslim("run", file, cwd=folder)``."""

    def call(*arguments: Any, cwd: Path, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(arguments), cwd=cwd, env=environment(), text=True, capture_output=True, timeout=500, **options
        )

    return call


@pytest.fixture
def running() -> Any:
    """Starts a command to be watched: ``running(["run", file], folder, VARIABLE=...)``; what still runs at the end is killed."""
    started: list[Running] = []

    def start(arguments: Sequence[Any], folder: Path, **variables: str) -> Running:
        started.append(Running(arguments, folder, **variables))
        return started[-1]

    yield start
    for run in started:
        if run.process.poll() is None:
            run.process.kill()
        run.process.communicate()


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command within the test's process: ``main("check", file)`` -> (exit code, output, errors)."""
    import compress.cli

    module = sys.modules["compress.cli.main"]  # the package's ``main`` is the function
    monkeypatch.setattr(module, "_end_soon_after_ctrl_c", lambda: None)  # signals are pytest's here

    def call(*arguments: Any) -> tuple[int, str, str]:
        capfd.readouterr()
        code = 0
        try:
            compress.cli.main([str(argument) for argument in arguments])
        except SystemExit as ended:
            code = int(ended.code or 0)
        return code, *capfd.readouterr()

    return call


@pytest.fixture(scope="session")
def small(colours: Path, jetslim: Any, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The pipeline SMALL, run once without a break. Only to be read; copy the folder to change it."""
    folder = tmp_path_factory.mktemp("small")
    toml = folder / "small.toml"
    toml.write_text(SMALL.format(path=colours))
    done = jetslim("run", toml.name, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return Finished(folder, toml, done.stdout + done.stderr)


@pytest.fixture(scope="session")
def chain(colours: Path, jetslim: Any, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The same stages with DenseNets of four dense blocks at 32x32 and the default layers. Only to be read."""
    folder = tmp_path_factory.mktemp("chain")
    toml = folder / "chain.toml"
    text = SMALL.format(path=colours).replace("size = 16\n\n", "size = 32\n\n", 1)
    text = text.replace('"resnet8"', '"densenet_tiny"\nbatch_norm_momentum = 0.9')
    text = text.replace(', layers = [["stage3_block1_add", "stage3_block1_add"]]', "")
    text = text.replace("parameters = 0.6", "latency = 0.6")
    toml.write_text(text.replace("epochs = 3", "epochs = 2", 1))
    done = jetslim("run", toml.name, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return Finished(folder, toml, done.stdout + done.stderr)
