"""The notebook in docs/ runs from its first cell to its last, in a fresh process, and its cells say what they should."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOK = json.loads((ROOT / "docs/shrink.ipynb").read_text())
CELLS = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]

RUN = """
import ast, json, sys
space, values = {}, []
for source in json.loads(sys.stdin.read()):
    tree = ast.parse(source)
    last = ast.Expression(tree.body.pop().value) if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), space)
    values.append(None if last is None else str(eval(compile(last, "cell", "eval"), space)))
print("VALUES" + json.dumps(values))
"""


@pytest.mark.slow
def test_it_runs(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", RUN], input=json.dumps(CELLS), cwd=tmp_path, text=True, capture_output=True, timeout=300,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    values = json.loads(done.stdout.split("VALUES")[-1])
    assert float(values[1]) > 0.8
    assert "in float: none" in values[2]
    assert "| exported |" in values[3]
    assert (tmp_path / values[5]).name == "report.html" and (tmp_path / values[5]).is_file()
    assert values[7].endswith("[])") and "CONV_2D" in values[7]  # no operator in float
    assert (tmp_path / "runs/ptq/3-exported/model.tflite").is_file()


def test_it_is_committed_without_what_a_run_left():
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in NOTEBOOK["cells"])
