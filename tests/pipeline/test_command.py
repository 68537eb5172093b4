"""Which command a result records."""

import pytest

from compress.pipeline import machine


@pytest.mark.parametrize(
    ("argv", "recorded"),
    [
        (["/usr/bin/jetslim", "run", "my file.toml"], "jetslim run 'my file.toml'"),
        (["/src/compress/__main__.py", "run", "tiny"], "jetslim run tiny"),
        (["/src/benchmarks/detection/__main__.py", "blur", "--data-dir", "/home/me"], ""),
        (["/usr/bin/pytest", "tests"], ""),
        (["jetslim"], ""),
        ([], ""),
    ],
)
def test_only_commands_of_jetslim_are_recorded(monkeypatch, argv, recorded):
    monkeypatch.setattr("sys.argv", argv)
    assert machine.command() == recorded
