"""The README shows what was measured, and its commands exist."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_table_is_made_from_the_committed_results():
    subprocess.run([sys.executable, "-m", "benchmarks.tables", "--check"], cwd=ROOT, check=True)


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks/results/host").glob("*.json")), ids=lambda path: path.stem)
def test_a_result_comes_from_the_pipeline_as_committed(path):
    run = json.loads(path.read_text())
    committed = (ROOT / f"pipelines/{run['pipeline']}.toml").read_text()
    assert tomllib.loads(run["config_toml"]) == tomllib.loads(committed)  # comments may change
    assert run["settings"] == []
    assert all(len(stage["latency"]["samples_ms"]) == 50 for stage in run["stages"])


def test_every_command_of_the_readme_exists():
    from compress.cli.main import cli, commands

    for command in commands():
        cli.add_command(command)
    shown = set(re.findall(r"^(?:\.venv/bin/)?jetslim (\w+)", README, re.MULTILINE))
    assert {"check", "run", "evaluate", "predict", "store"} <= shown
    assert shown <= set(cli.commands)


def test_the_readmes_toml_is_a_pipeline(tmp_path):
    from compress import pipeline

    blocks = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    (whole,) = (block for block in blocks if block.startswith("[data]"))
    path = tmp_path / "my.toml"
    path.write_text(whole)
    kinds = ["train", "distill", "narrow", "prune", "quantize", "export"]
    assert [stage.kind for stage in pipeline.read_pipeline(str(path)).stages] == kinds
    (narrow,) = (block for block in blocks if 'kind = "narrow"' in block and block != whole)
    head, _, tail = whole.partition('[[stage]]\nname = "narrowed"')
    path.write_text(f"{head}{narrow}\n[[stage]]{tail.partition('[[stage]]')[2]}")
    assert [stage.kind for stage in pipeline.read_pipeline(str(path)).stages] == kinds
