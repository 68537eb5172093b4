"""The worked example of CONTRIBUTING.md is a method: it is added to a copy of the repository and tested there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("compress", "tests/contracts", "tests/distill")
CHANGED = ("compress/distill", "tests/contracts/test_methods.py", "tests/distill/test_relations.py")
FILES = ("setup.cfg", "pyproject.toml", "tests/conftest.py", "tests/said.py")
BLOCK = re.compile(r"^`([\w./]+)`(?:, ([^\n:]+))?:\n\n(`{3,})\w+\n(.*?)^\3$", re.MULTILINE | re.DOTALL)
PIPELINE = """
[data]
name = "digits"

[[stage]]
name = "teacher"
kind = "train"
model = "resnet8"
epochs = 1
"""


def put(text, where, block):
    """``text`` with the block in the place that the example names."""
    if where == "with the other imports":
        imports = re.findall(r"^from .*\n", text, re.MULTILINE)
        return text.replace("".join(imports), "".join(sorted([*imports, block])))
    if where == "at the end":
        return f"{text}\n{block}"
    registry = re.fullmatch(r"in `(\w+)`", where).group(1)
    return re.sub(rf"^({registry}\b.*?)^}}", lambda match: f"{match[1]}{block}}}", text, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The repository with what the example adds, and the pages that it writes."""
    folder = tmp_path_factory.mktemp("copy")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    for name, where, _, block in BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        assert path.exists() == bool(where) or where == "at the end"
        path.write_text(put(path.read_text(), where, block) if path.exists() else block)
    return folder


def run(copy, *words):
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        text=True,
        capture_output=True,
    )


def test_the_example_adds_what_the_table_says_a_method_costs(copy):
    """One file, one line in the registry with its import, one test with its line in the contract."""
    added = {}
    for path in sorted(path for path in copy.rglob("*.py") if "__pycache__" not in path.parts):
        before = ROOT / path.relative_to(copy)
        text = before.read_text() if before.exists() else ""
        if path.read_text() != text:
            added[str(path.relative_to(copy))] = path.read_text().count("\n") - text.count("\n")
    assert added.pop("compress/distill/relations.py") < 60
    assert added.pop("tests/distill/test_relations.py") < 30
    assert added == {"compress/distill/__init__.py": 2, "tests/contracts/test_methods.py": 1}


def test_the_method_passes_the_contract_and_its_own_test(copy):
    tests = ["tests/contracts/test_methods.py", "tests/distill/test_relations.py"]
    done = run(copy, "pytest", "-q", "-p", "no:cacheprovider", "-k", "relations or settings_here", *tests)
    assert done.returncode == 0, done.stdout
    assert int(re.search(r"(\d+) passed", done.stdout).group(1)) >= 14


def test_the_lint_has_nothing_to_say(copy):
    for command in (["check"], ["format", "--check"]):
        done = run(copy, "ruff", *command, "--no-cache", *CHANGED)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_pipeline_of_its_card_names_it(copy):
    (stage,) = re.findall(r"```toml\n(.*?)```", (copy / "docs/methods/distillation.md").read_text(), re.DOTALL)[-1:]
    (copy / "my.toml").write_text(PIPELINE + stage)
    code = "from compress.pipeline import read_pipeline; print(read_pipeline('my.toml').stages[-1].method)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        text=True,
        capture_output=True,
    )
    assert done.stdout.startswith("Relations(name='relations', temperature=4.0"), done.stderr
