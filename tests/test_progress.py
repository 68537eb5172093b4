"""What stays on the screen of a long run, on a terminal and in a log."""

from io import StringIO

import pytest
from rich.console import Console

from compress import progress
from compress.progress import Progress, duration
from tests.terminal import shown


def two_stages(console):
    screen = Progress(console)
    screen.say("note: of the data")
    screen.doing("loading TensorFlow")
    for number, name in enumerate(("teacher", "pruned"), start=1):
        screen.begin(number, 2, name, "train")
        for epoch in range(20):
            screen.epoch(epoch, 20, 4)
            for step in range(1, 5):
                screen.step(step, {"loss": 0.5})
            screen.epoch_end({"epoch": epoch + 1, "loss": 0.5, "val_top1": 0.75, "seconds": 0.1})
        screen.say("    note: of the stage")
        screen.doing("saving", logged=number == 2)
        screen.end("top-1 98.05%, 27.92 MB, 0:54")
    screen.stop()
    return console.file.getvalue()


@pytest.fixture
def terminal():
    return Console(file=StringIO(), force_terminal=True, width=110, highlight=False, soft_wrap=True)


def test_on_a_terminal_a_line_a_stage_stays_and_below_it_what_was_said_of_it(terminal, monkeypatch):
    monkeypatch.setattr(progress, "REFRESH_S", 0.0)
    written = two_stages(terminal)
    assert shown(written, 110) == [
        "note: of the data",
        "[1/2] teacher      train     top-1 98.05%, 27.92 MB, 0:54",
        "    note: of the stage",
        "[2/2] pruned       train     top-1 98.05%, 27.92 MB, 0:54",
        "    note: of the stage",
    ]
    for words in ("loading TensorFlow", "epoch 20/20", "loss 0.5", "val top1 0.75", "0:00 left", "saving"):
        assert words in written


def test_what_was_said_of_a_stage_that_failed_is_not_lost(terminal):
    screen = Progress(terminal)
    screen.begin(1, 2, "teacher", "train")
    screen.say("    note: it learns nothing")
    screen.stop()
    assert shown(terminal.file.getvalue(), 110) == ["    note: it learns nothing"]


def test_a_log_has_ten_epochs_a_stage():
    lines = two_stages(Console(file=StringIO(), highlight=False, soft_wrap=True)).splitlines()
    assert len([line for line in lines if "  epoch " in line]) == 2 * 10
    assert "[1/2] teacher (train)" in lines
    assert any(
        line.startswith("[1/2] teacher  epoch 20/20  loss 0.5  val top1 0.75  0.1 s, 0:00 left") for line in lines
    )
    assert lines.count("    saving") == 1
    assert lines[-1] == "    top-1 98.05%, 27.92 MB, 0:54"
    assert len(lines) == 1 + 2 * (1 + 10 + 1 + 1) + 1


def test_duration():
    assert (duration(75.4), duration(3700)) == ("1:15", "1:01:40")
