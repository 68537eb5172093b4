"""The README shows what was measured, and its commands exist."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import click
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


def test_the_readme_is_one_page():
    assert len(README.splitlines()) <= 120


def test_the_badges_are_true():
    metadata = (ROOT / "setup.cfg").read_text()
    versions = re.findall(r"Python :: (3\.\d+)$", metadata, re.MULTILINE)
    assert f"![Python {', '.join(versions)}]" in README and "python-" + "%20%7C%20".join(versions) in README
    assert "license = Apache-2.0" in metadata and "license-Apache--2.0" in README


def test_every_command_of_the_readme_can_be_given():
    """With its options; those of the main chain and of the networks are run as a whole by other tests."""
    from compress.cli.main import cli, commands

    for command in commands():
        cli.add_command(command)
    blocks = "\n".join(re.findall(r"^```\w*\n(.*?)^```$", README, re.DOTALL | re.MULTILINE))
    shown = re.findall(r"^jetslim ([^#\n]+)", blocks, re.MULTILINE)
    assert {line.split()[0] for line in shown} >= {"inspect", "new", "shrink"}
    for line in shown:
        name, *words = shlex.split(line)
        parser = cli.commands[name].make_parser(click.Context(cli.commands[name]))
        parser.parse_args(words)
    targets = set(re.findall(r"^make (\w+)", blocks, re.MULTILINE))
    makefile = (ROOT / "Makefile").read_text()
    assert targets == {"jetson", "pipeline", "test"} and all(f"\n{target}:" in makefile for target in targets)


def test_every_link_of_the_readme_leads_somewhere():
    for target in re.findall(r"\]\(((?!https?://)[^)]+)\)", README):
        path, _, anchor = target.partition("#")
        assert (ROOT / path).exists(), target
        titles = re.findall(r"^#+ (.+)$", (ROOT / path).read_text(), re.MULTILINE) if anchor else []
        assert not anchor or anchor in {re.sub(r"[^a-z0-9 -]", "", each.lower()).replace(" ", "-") for each in titles}
