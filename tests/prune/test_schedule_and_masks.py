"""The cubic schedule, the magnitude rule and the ramp, by the numbers of the pruning oracle."""

import numpy as np
import pytest

from compress.errors import UserError
from compress.prune.gradual import magnitude_mask, ramp, scheduled_sparsity
from compress.prune.sparsity import kernel_sparsity

WEIGHTS = np.float32([0.1, -0.5, 0.3, -0.2, 0.9])


@pytest.mark.parametrize(
    ("final", "expected"),
    [
        (0.9, [0, 0.4392, 0.7056, 0.7875, 0.8424, 0.8928, 0.9]),
        (0.8, [0, 0.3904, 0.6272, 0.7, 0.7488, 0.7936, 0.8]),
        (0.0, [0] * 7),
    ],
)
def test_the_schedule_of_the_main_paper(final, expected):
    steps = [0, 50_000, 100_000, 125_000, 150_000, 200_000, 250_000]
    assert [scheduled_sparsity(step, 0, final, 0, 250_000) for step in steps] == pytest.approx(expected, abs=1e-9)


def test_the_schedule_is_held_outside_the_ramp_and_starts_where_it_is_told():
    assert scheduled_sparsity(5, 0.2, 0.6, 10, 20) == pytest.approx(0.2)
    assert scheduled_sparsity(15, 0.2, 0.6, 10, 20) == pytest.approx(0.55)  # 7/8 of the way
    assert scheduled_sparsity(21, 0.2, 0.6, 10, 20) == 0.6
    rising = [scheduled_sparsity(step, 0.2, 0.6, 10, 20) for step in range(30)]
    assert rising == sorted(rising)


@pytest.mark.parametrize(
    ("sparsity", "mask"),
    [
        (0.0, [1, 1, 1, 1, 1]),
        (0.4, [0, 1, 1, 0, 1]),
        (0.5, [0, 1, 0, 0, 1]),  # 2.5 of them: banker's rounding keeps 2
        (0.3, [0, 1, 1, 1, 1]),  # 3.5: 4
        (0.99, [0, 0, 0, 0, 1]),  # never none
    ],
)
def test_the_magnitude_rule(sparsity, mask):
    np.testing.assert_array_equal(magnitude_mask(WEIGHTS, sparsity), np.array(mask, bool))


def test_ties_stay():
    np.testing.assert_array_equal(magnitude_mask(np.float32([1, -1, 1, 2]), 0.5), np.ones(4, bool))


def test_masks_do_not_depend_on_scale_and_change_nothing_twice():
    weights = np.random.default_rng(0).normal(size=(3, 3, 5, 7)).astype("float32")
    mask = magnitude_mask(weights, 0.6)
    assert mask.shape == weights.shape
    assert mask.sum() == 126  # 0.4 * 315
    np.testing.assert_array_equal(magnitude_mask(4 * weights, 0.6), mask)
    np.testing.assert_array_equal(magnitude_mask(weights * mask, 0.6), mask)


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ((1000, 0, None, None), (0, 800, 20)),
        ((312_500, 0, None, None), (0, 250_000, 100)),  # the main paper's
        ((10, 0, None, None), (0, 8, 1)),
        ((1000, 5, None, None), (5, 785, 20)),  # 795 / 20 is no whole number of updates
        ((100, 0, 95, 10), (0, 90, 10)),
        ((100, 7, 50, 10), (7, 47, 10)),
        ((100, 0, 100, 100), (0, 100, 100)),
    ],
)
def test_the_ramp_ends_on_an_update(asked, got):
    assert ramp(*asked) == got
    begin, end, frequency = got
    assert (end - begin) % frequency == 0


@pytest.mark.parametrize(
    ("asked", "match"),
    [
        ((100, 0, 101, 10), "end_step = 101 is after the last of 100 training steps"),
        ((100, 50, 50, 10), "no pruning step falls between begin_step = 50"),
        ((100, 60, 50, 10), "no pruning step falls between begin_step = 60"),
        ((100, 0, 50, 60), "with frequency = 60"),
        ((100, 90, None, None), "no pruning step"),
        ((1, 0, None, 2), "no pruning step"),
    ],
)
def test_a_ramp_that_cannot_be(asked, match):
    with pytest.raises(UserError, match=match):
        ramp(*asked)


def test_kernel_sparsity_counts_all_kernels_together():
    kernels = {"a": np.zeros((1, 1, 1, 3)), "b": np.array([[[[1.0]]]]), "c": np.array([[[[-0.0, 1e-30, 5, 6]]]])}
    assert kernel_sparsity(kernels) == 4 / 8
    assert kernel_sparsity({}) == 0.0
