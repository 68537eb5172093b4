"""What stays on the screen of a real run on a terminal."""

import pytest

from compress.pipeline import read_pipeline
from tests.conftest import SMALL
from tests.terminal import WIDTH, shown, written

MOST = 30  # lines, the table apart, of `jetslim run densenet121`


def test_what_a_terminal_shows():
    assert shown("one\r\ntwo\r\x1b[2Kthree\r\n\x1b[1A\x1b[2Kfour\x1b[0m\r\n") == ["one", "four"]
    assert shown("a line\rthe\r\nabc" + "d" * WIDTH) == ["theine", "abc" + "d" * (WIDTH - 3), "ddd"]
    with pytest.raises(ValueError, match="what is"):
        shown("\x1b[5C")


@pytest.mark.slow
def test_a_run_of_every_kind_of_stage_leaves_a_few_lines_each(colours, tmp_path):
    """The stages are of the kinds of densenet121's: what they leave does not depend on network, epochs or images."""
    (tmp_path / "small.toml").write_text(SMALL.format(path=colours).replace("epochs = 3", "epochs = 2"))
    text = written("run", "small.toml", cwd=tmp_path)
    assert text.count("epoch 1/2") > 2  # there was a live region
    lines = shown(text)
    assert not any("epoch" in line for line in lines)
    (start,) = [number for number, line in enumerate(lines) if line.split()[:1] == ["stage"]]
    table = lines[start : start + 1 + 6 + 1]  # no line is wrapped
    assert [line.split()[0] for line in table[-2:]] == ["exported", "first/last"]
    rest = lines[:start] + lines[start + len(table) :]
    for number, kind in enumerate(("train", "distill", "narrow", "prune", "quantize", "export"), start=1):
        (line,) = [line for line in rest if line.startswith(f"[{number}/6]")]
        assert line.split()[2] == kind
    ours, theirs = (read_pipeline(name).stages for name in (str(tmp_path / "small.toml"), "densenet121"))
    assert [stage.kind for stage in ours] == [stage.kind for stage in theirs]
    rounds = [next(stage.rounds for stage in stages if stage.kind == "narrow") for stages in (ours, theirs)]
    assert len(rest) + rounds[1] - rounds[0] <= MOST, "\n".join(rest)
