"""Seconds by cause, on a clock that the test turns."""

import contextlib

import pytest

from compress import clock as module
from compress.clock import Clock


@pytest.fixture
def turn(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])

    def turn(seconds):
        now[0] += seconds

    return turn


def test_inner_causes_are_taken_off_the_outer_ones(turn):
    clock = Clock()
    with clock("training"):
        turn(5)
        with clock("save"):
            turn(2)
            with clock("load"):
                turn(1)
            turn(0.5)
        turn(3)
        with clock("load"):
            turn(4)
    assert dict(clock.seconds) == {"training": 8, "save": 2.5, "load": 5}
    assert sum(clock.seconds.values()) == 15.5


def test_the_same_cause_inside_itself_counts_once(turn):
    clock = Clock()
    with clock("a"):
        turn(1)
        with clock("a"):
            turn(2)
    assert clock.seconds == {"a": 3}


def test_what_fails_counts_too(turn):
    clock = Clock()
    with contextlib.suppress(KeyError), clock("outer"):
        turn(1)
        with clock("inner"):
            turn(2)
            raise KeyError
    with clock("outer"):
        turn(4)
    assert clock.seconds == {"outer": 5, "inner": 2}


def test_since(turn):
    clock = Clock()
    with clock("a"):
        turn(1)
    with clock("b"):
        turn(1)
    before = dict(clock.seconds)
    with clock("b"):
        turn(2.00049)
    with clock("c"):
        turn(0.0004)
    assert clock.since(before) == {"b": 2.0}
    assert clock.since({}) == {"a": 1.0, "b": 3.0}
