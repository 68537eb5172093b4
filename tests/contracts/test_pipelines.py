"""Every TOML in pipelines/ reads and plans, and says how to run it."""

import re
from pathlib import Path

import pytest

from compress.datasets import DATASETS
from compress.pipeline import plan, read
from compress.stages import STAGES

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "pipelines").glob("*.toml"))

files = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def digits():
    return DATASETS["digits"](size=8).load()


def test_there_are_some():
    assert {"densenet121", "tiny"} <= {path.stem for path in FILES}


@files
def test_it_reads_and_plans(path, digits):
    pipeline = read(str(path))
    planned = plan(pipeline, digits)
    assert [step.stage.name for step in planned.steps] == [stage.name for stage in pipeline.stages]
    assert len({step.key for step in planned.steps}) == len(planned.steps)
    assert pipeline.stages[-1].kind == "export"
    assert {stage.kind for stage in pipeline.stages} <= set(STAGES)


@files
def test_the_first_line_is_the_command_that_runs_it(path):
    first = path.read_text().splitlines()[0]
    assert re.match(rf"# (jetslim run |make pipeline MODEL=){re.escape(path.stem)}(?![\w-])", first)


@files
def test_it_is_found_by_name(path):
    assert read(path.stem).text == path.read_text()
