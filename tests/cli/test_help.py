"""--help is instant and has examples; check and the store's commands load no TensorFlow and write nothing."""

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMANDS = [
    [],
    ["run"],
    ["check"],
    ["shrink"],
    ["sweep"],
    ["inspect"],
    ["bundle"],
    ["evaluate"],
    ["compare"],
    ["predict"],
    ["store"],
    ["store", "list"],
    ["store", "prune"],
    ["new"],
    ["completion"],
]

QUIETLY = """
import contextlib, io, json, sys
import compress.cli

def call(*arguments):
    with contextlib.redirect_stdout(io.StringIO()) as output:
        try:
            compress.cli.main([*arguments])
        except SystemExit as ended:
            assert not ended.code, arguments
    return output.getvalue()

def loaded():
    return sorted({"tensorflow", "tf_keras", "tensorflow_model_optimization", "ai_edge_litert"} & set(sys.modules))

told = {"help": [call(*words, "--help") for words in json.loads(sys.argv[1])], "after help": loaded()}
told["numpy after help"] = "numpy" in sys.modules
told["check"] = [call("check", name) for name in ("tiny", "densenet121")]
told["store"] = call("store", "list")
told["after all"] = loaded()
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Every --help, two checks and a list of a store that is not there, in one fresh process."""
    folder = tmp_path_factory.mktemp("nothing")
    done = subprocess.run(
        [sys.executable, "-c", QUIETLY, json.dumps(COMMANDS)],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True, capture_output=True, check=True,
    )  # fmt: skip
    return {**json.loads(done.stdout.splitlines()[-1]), "left": os.listdir(folder)}


def test_no_tensorflow_for_help(told):
    assert told["after help"] == []
    assert not told["numpy after help"]


def test_no_tensorflow_for_check_and_list(told):
    assert told["after all"] == []


def test_nothing_is_written(told):
    assert told["left"] == []


def test_every_command_has_help_with_an_example(told):
    for words, text in zip(COMMANDS, told["help"], strict=True):
        assert text.startswith("Usage: jetslim " + " ".join(words)), words
        _, found, examples = text.partition("Example")
        assert found, words
        assert f"jetslim {' '.join(words)}".strip() in examples, words


def test_check_says_what_would_run(told):
    tiny, _ = told["check"]
    assert (
        "digits, 1294 training, 144 validation and 359 test images; classification of 10: 0, 1, 2, 3, ...; seed 0"
        in tiny
    )
    *_, expected = tiny.splitlines()
    assert expected.startswith("A run makes 5 stages in about ") and "keeps 38 MB in the store" in expected
    lines = [line.split() for line in tiny.splitlines()[1:-1]]
    assert [line[1] for line in lines] == ["teacher", "distilled", "pruned", "quantized", "exported"]
    assert all(line[-2:] == ["will", "run"] for line in lines)
    assert "reads teacher teacher" in tiny
    assert "reads quantized" in tiny


def test_help_comes_within_a_second(tmp_path):
    """By the seconds that the processor was busy: other tests may be running."""
    spent = []
    for _ in range(2):
        before = os.times()
        subprocess.run(
            [sys.executable, "-m", "compress", "--help"],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, check=True,
        )  # fmt: skip
        after = os.times()
        spent.append(after.children_user + after.children_system - before.children_user - before.children_system)
    assert min(spent) < 1.0


def test_version(main):
    try:
        importlib.metadata.version("jetslim")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("jetslim is not installed here: it has no version")
    code, output, _ = main("--version")
    assert code == 0
    assert "jetslim" in output
