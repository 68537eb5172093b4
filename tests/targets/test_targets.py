"""Targets as data: chosen, told apart, and refused where they are none."""

import numpy as np
import pytest

from compress.datasets.splits import hold_out, stratified_subset
from compress.errors import UserError
from compress.targets import ClassIndices, ClassSets, Geometry, Quantities, Targets

KINDS = {
    "labels": ClassIndices([0, 1, 2, 1]),
    "present": ClassSets([[0, 1], [1, 1], [0, 0], [1, 0]]),
    "values": Quantities([[0.5], [2], [-3], [1e6]]),
}
kinds = pytest.mark.parametrize("name", KINDS)


@kinds
def test_what_every_kind_can(name):
    targets = KINDS[name]
    assert isinstance(targets, Targets) and len(targets) == 4
    ((key, rows),) = targets.arrays().items()
    assert key == name and len(rows) == 4
    some = targets.take(np.array([2, 0]))
    np.testing.assert_array_equal(some.arrays()[name], rows[[2, 0]])
    assert some.digest() != targets.digest() == targets.take(np.arange(4)).digest()


@kinds
def test_what_names_no_place_in_an_image_stays_when_it_is_moved(name):
    still = np.zeros(4, np.int64)
    moved = KINDS[name].moved(Geometry(8, 8, 2, still + 1, still, np.ones(4, bool)))
    np.testing.assert_array_equal(moved.arrays()[name], KINDS[name].arrays()[name])


def test_types():
    assert KINDS["labels"].labels.dtype == np.int64
    assert KINDS["present"].present.dtype == KINDS["values"].values.dtype == np.float32


@pytest.mark.parametrize(("kind", "wrong"), [
    (ClassSets, [[0, 2]]), (ClassSets, [0, 1]), (Quantities, [[np.nan]]), (Quantities, [1.0, 2.0]),
])  # fmt: skip
def test_what_is_none_is_refused(kind, wrong):
    with pytest.raises(ValueError, match="should be"):
        kind(wrong)


def test_without_strata_a_split_is_plain_random_and_seeded():
    targets = Quantities(np.arange(50.0)[:, None])
    assert targets.strata() is None
    kept, held = hold_out(targets, 0.2, seed=1)
    assert len(held) == 10 and sorted([*kept, *held]) == list(range(50))
    assert hold_out(targets, 0.2, seed=1)[1].tolist() == held.tolist() != hold_out(targets, 0.2, seed=2)[1].tolist()
    assert set(stratified_subset(targets, 5, 3)) < set(stratified_subset(targets, 20, 3))
    with pytest.raises(UserError, match="out for a split needs at least 2"):
        hold_out(Quantities([[1.0]]), 0.2, seed=0)
