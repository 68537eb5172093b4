"""Which point is started when, and how long the rest will take."""

import pytest

from compress.errors import UserError
from compress.results import parse
from compress.sweep.scheduler import next_point, seconds_left


def test_a_point_makes_each_stage_and_how_it_is_measured_in_order(planned):
    one, other = planned(["pruned.final_sparsity=0.5,0.6"])
    steps = one.plan.steps
    assert one.keys == (steps[0].key, one.plan.exports["teacher"].key, steps[1].key, steps[2].key)
    assert one.keys[:2] == other.keys[:2]
    assert not set(one.keys[2:]) & set(other.keys[2:])


def test_nobody_waits_for_a_stage_that_another_makes(planned):
    """Two workers, points (seed, sparsity): each seed has a teacher of its own."""
    a, b, c, d = planned(["seed=0,1", "pruned.final_sparsity=0.5,0.6"])
    store = set()
    assert next_point([a, b, c, d], [], store.__contains__) is a
    assert next_point([b, c, d], [a], store.__contains__) is c  # b would wait for a's teacher
    assert next_point([b, d], [a, c], store.__contains__) is None
    store |= set(a.keys[:2])
    assert next_point([b, d], [a, c], store.__contains__) is b
    store |= set(c.keys[:1])  # the teacher, not yet its export
    assert next_point([d], [a, c], store.__contains__) is None
    store |= set(c.keys[:2])
    assert next_point([d], [a, c], store.__contains__) is d


def test_a_point_that_shares_nothing_is_better_than_one_that_shares_later(planned):
    """The exports of the same pruning differ, so that b could start, but would then wait for a."""
    a, b, c = planned(["pruned.final_sparsity=0.5,0.6,0.7"])
    store = set(a.keys[:2])
    late = type(b)(b.point, b.plan)
    object.__setattr__(late, "keys", (b.keys[2], *a.keys[2:]))  # its first stage its own, the next one a's
    assert next_point([late], [a], store.__contains__) is late
    assert next_point([late, c], [a], store.__contains__) is c


def test_what_is_in_the_store_comes_at_once(planned):
    a, b = planned(["pruned.final_sparsity=0.5,0.6"])
    assert next_point([b], [a], set(b.keys).__contains__) is b
    assert next_point([], [a], set().__contains__) is None


def test_time_left_counts_each_missing_stage_once(planned):
    a, b, c = planned(["pruned.final_sparsity=0.5,0.6,0.7"])
    took = [
        parse({"stages": [
            {"name": "teacher", "seconds": {"training": 90.0, "save": 10.0}},
            {"name": "pruned", "seconds": {"training": pruned}},
            {"name": "exported", "seconds": {"convert": 2.0}},
        ]})
        for pruned in (20.0, 30.0)
    ]  # fmt: skip
    nothing = set().__contains__
    assert seconds_left([b, c], nothing, [], 1) is None  # nobody knows
    assert seconds_left([b, c], nothing, took, 1) == 100 + 2 * 25 + 2 * 2
    assert seconds_left([b, c], set(a.keys).__contains__, took, 1) == 2 * 25 + 2 * 2
    assert seconds_left([b, c], set(a.keys).__contains__, took, 2) == 25 + 2
    assert seconds_left([b], set(a.keys).__contains__, took, 8) == 25 + 2
    assert seconds_left([], nothing, took, 2) == 0


def test_a_mistake_in_the_last_point_is_found_before_data_are_read(planned, monkeypatch):
    from compress.datasets.digits import Digits

    monkeypatch.setattr(Digits, "load", lambda *_: pytest.fail("data were read"))
    with pytest.raises(UserError, match=r"pruned.final_sparsity=1.5: .*final_sparsity = 1.5 must be less than 1"):
        planned(["pruned.final_sparsity=0.5,1.5"])
    with pytest.raises(UserError, match="teacher.model=resnet9: .*did you mean resnet8"):
        planned(["teacher.model=resnet8,resnet9"])
    with pytest.raises(UserError, match="unknown stage 'prund'; did you mean pruned"):
        planned(["prund.epochs=1,2"])


def test_data_are_read_once_for_all_points(planned, monkeypatch):
    from compress.datasets.digits import Digits

    load, read = Digits.load, []
    monkeypatch.setattr(Digits, "load", lambda self, *rest: read.append(self.size) or load(self, *rest))
    found = planned(["pruned.final_sparsity=0.5,0.6,0.7", "data.size=8,16"])
    assert read == [8, 16]
    assert [one.plan.pipeline.data.size for one in found] == [8, 16] * 3
