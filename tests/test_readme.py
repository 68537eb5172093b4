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

from tests.docs.project import write_project

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = "\n".join(re.findall(r"^```\w*\n(.*?)^```$", README, re.DOTALL | re.MULTILINE))


def commands_of_jetslim() -> list[list[str]]:
    return [shlex.split(line) for line in re.findall(r"^jetslim ([^#\n]+)", BLOCKS, re.MULTILINE)]


def test_the_table_is_made_from_the_committed_results():
    subprocess.run([sys.executable, "-m", "benchmarks.tables", "--check"], cwd=ROOT, check=True)


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks/results/host").glob("*.json")), ids=lambda path: path.stem)
def test_a_result_comes_from_the_pipeline_as_committed(path):
    run = json.loads(path.read_text())
    committed = (ROOT / f"pipelines/{run['pipeline']}.toml").read_text()
    made, now = ({**tomllib.loads(text), "report": None} for text in (run["config_toml"], committed))
    assert made == now  # comments may change, and [report], on which no number depends
    assert run["settings"] == []
    assert all(len(stage["latency"]["samples_ms"]) == 50 for stage in run["stages"])


def test_the_readme_is_one_page():
    assert len(README.splitlines()) <= 120


def test_the_tools_that_it_compares_are_those_that_were_measured():
    from compress.distill import METHODS

    pinned = (ROOT / "constraints.txt").read_text() + (ROOT / "benchmarks/peers/requirements.txt").read_text()
    (tfmot,), (nncf,) = (
        re.findall(rf"^{name}==(.+)$", pinned, re.M) for name in ("tensorflow-model-optimization", "nncf")
    )
    assert f"[tfmot](https://www.tensorflow.org/model_optimization/guide) {tfmot} |" in README
    assert f"[NNCF](https://pypi.org/project/nncf/{nncf}) {nncf} |" in README
    assert f"| {len(METHODS)} methods |" in README


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
    shown = commands_of_jetslim()
    assert {name for name, *_ in shown} >= {"inspect", "new", "shrink"}
    for name, *words in shown:
        parser = cli.commands[name].make_parser(click.Context(cli.commands[name]))
        parser.parse_args(words)
    targets = set(re.findall(r"^make (\w+)", BLOCKS, re.MULTILINE))
    makefile = (ROOT / "Makefile").read_text()
    assert targets == {"jetson", "pipeline", "test"} and all(f"\n{target}:" in makefile for target in targets)


@pytest.mark.slow
def test_its_commands_for_a_network_of_your_own_run(tmp_path, main, monkeypatch):
    """The commands of the board are run by tests/jetson/test_remote.py against an sshd of this machine, the lines of Python by
    tests/api/test_shrink.py."""
    monkeypatch.chdir(write_project(tmp_path))
    for words in commands_of_jetslim():
        code, output, errors = main(*words)
        assert code == 0, output + errors
    assert (tmp_path / "my.toml").is_file()
    assert list(tmp_path.glob("runs/*/*/model.tflite"))


def test_every_link_of_the_readme_leads_somewhere():
    for target in re.findall(r"\]\(((?!https?://)[^)]+)\)", README):
        path, _, anchor = target.partition("#")
        assert (ROOT / path).exists(), target
        titles = re.findall(r"^#+ (.+)$", (ROOT / path).read_text(), re.MULTILINE) if anchor else []
        assert not anchor or anchor in {re.sub(r"[^a-z0-9 -]", "", each.lower()).replace(" ", "-") for each in titles}
