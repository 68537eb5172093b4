"""Groups, importance, costs and choices of small networks, by hand."""

import numpy as np
import pytest

from compress import keras
from compress.narrow.balance import balanced
from compress.narrow.choose import CHOICES, Unreachable, all_that_can_go, by_value, uniformly
from compress.narrow.cost import Term, carried, macs, parameters, total
from compress.narrow.groups import groups
from compress.narrow.importance import IMPORTANCE
from compress.narrow.surgery import narrowed
from compress.narrow.trace import trace
from tests.narrow.networks import chain

tf = keras.tf


def test_groups_say_who_makes_passes_and_reads_channels():
    texts = [str(group) for group in groups(trace(chain()))]
    assert texts == [
        "3 channels; read by a; stays: the network's input",
        "16 channels; made by a; through norm; read by b",
        "32 channels; made by b; read by head",
        "10 channels; made by head; stays: the network's output",
    ]


def test_a_group_whose_channels_a_flattened_map_repeats():
    image = keras.Input((2, 2, 3))
    x = keras.layers.Flatten()(keras.layers.Conv2D(4, 1, name="a")(image))
    _, middle, _ = groups(trace(keras.Model(image, keras.layers.Dense(2, name="head")(x))))
    assert str(middle) == "4 channels; made by a; read by head (16)"


def test_parameters_and_macs_by_hand():
    model = chain()
    traced = trace(model)
    everything = np.ones(traced.count, bool)
    # 3 * 16 + 4 * 16 + 9 * 16 * 32 + 32 + 32 * 10 + 10
    assert total(parameters(model, traced), everything) == 48 + 64 + 4608 + 32 + 320 + 10 == model.count_params()
    assert total(macs(model, traced), everything) == 64 * 48 + 64 * 4608 + 320
    removed = [*traced.made["a"][:8], *traced.made["b"][:16]]
    stays = everything.copy()
    stays[removed] = False
    narrow = narrowed(model, traced, removed)
    # 3 * 8 + 4 * 8 + 9 * 8 * 16 + 16 + 16 * 10 + 10
    assert total(parameters(model, traced), stays) == 24 + 32 + 1152 + 16 + 160 + 10 == narrow.count_params()
    assert total(macs(model, traced), stays) == 64 * 24 + 64 * 1152 + 160
    after = trace(narrow)
    terms = carried(parameters(model, traced), traced, stays, after)
    assert total(terms, np.ones(after.count, bool)) == narrow.count_params()


def test_a_convolution_in_groups_costs_the_channels_of_a_group():
    image = keras.Input((2, 2, 40))
    x = keras.layers.Conv2D(40, 1, name="a")(image)
    model = keras.Model(image, keras.layers.Conv2D(60, 3, padding="same", groups=2, use_bias=False, name="grouped")(x))
    traced = trace(model)
    assert total(parameters(model, traced), np.ones(traced.count, bool)) == 40 * 40 + 40 + 9 * 20 * 60


def linear(kernel):
    """y = x * w1 * w2 for two channels in the middle, without biases."""
    image = keras.Input((1,))
    x = keras.layers.Dense(2, use_bias=False, name="a")(image)
    model = keras.Model(image, keras.layers.Dense(1, use_bias=False, name="b")(x))
    model.set_weights([np.array([kernel[0]], "float32"), np.array([kernel[1]], "float32").T])
    return model


def test_importance_by_taylor_is_gradient_times_weight_over_all_members():
    model = linear([[1.0, 2.0], [3.0, -4.0]])
    traced = trace(model)
    batches = [(np.array([[1.0]], "float32"), None), (np.array([[2.0]], "float32"), None)]
    scores = IMPORTANCE["taylor"](model, traced, groups(traced), lambda x, _: tf.reduce_sum(model(x)), batches)
    # of x * (1 * 3 + 2 * -4): each weight's gradient times itself is x * w1 * w2, and each channel has two weights
    np.testing.assert_allclose(scores[traced.made["a"]], [2 * 3 * (1 + 2), 2 * 8 * (1 + 2)])


def test_importance_by_l2_is_over_the_mean_of_the_group():
    model = linear([[1.0, 2.0], [3.0, -4.0]])
    traced = trace(model)
    scores = IMPORTANCE["l2"](model, traced, groups(traced), None, [])
    np.testing.assert_allclose(scores[traced.made["a"]], [10 / 15, 20 / 15])


def test_importance_by_gamma_is_over_the_mean_of_the_group_and_else_by_l2():
    model = chain()
    model.get_layer("norm").gamma.assign(np.arange(16, dtype="float32"))
    traced = trace(model)
    parts = groups(traced)
    scores = IMPORTANCE["gamma"](model, traced, parts, None, [])
    np.testing.assert_allclose(scores[traced.made["a"]], np.arange(16) / 7.5, rtol=1e-6)
    squares = IMPORTANCE["l2"](model, traced, parts, None, [])
    np.testing.assert_allclose(scores[traced.made["b"]], squares[traced.made["b"]])


@pytest.mark.parametrize("name", IMPORTANCE)
def test_every_importance_is_a_number_a_channel_and_not_negative(name):
    model = chain()
    traced = trace(model)
    images = np.random.default_rng(0).random((4, 8, 8, 3), dtype="float32")
    scores = IMPORTANCE[name](
        model, traced, groups(traced), lambda x, _: tf.reduce_mean(model(x) ** 2), [(images, None)] * 2
    )
    assert scores.shape == (traced.count,)
    assert np.isfinite(scores).all()
    assert (scores >= 0).all()
    assert (scores[traced.made["a"]] > 0).any()


def test_what_costs_most_for_what_it_matters_goes_first():
    model = chain()
    traced = trace(model)
    a, b = traced.made["a"], traced.made["b"]
    scores = np.zeros(traced.count)
    scores[a], scores[b] = np.arange(16), 10 + np.arange(32)
    # a channel of a costs 1, one of b costs 10: 8 of b save 80 for 108, 8 of a save 8 for 28
    terms = [Term((a,), lambda widths: float(widths[0])), Term((b,), lambda widths: 10.0 * widths[0])]
    removed = by_value(groups(traced), scores, terms, 16 + 240, 8)
    np.testing.assert_array_equal(removed, b[:8])
    removed = by_value(groups(traced), scores, terms, 16 + 239, 8)
    assert set(removed) > set(b[:8].tolist())


def test_no_group_falls_to_nothing_for_scores_that_are_a_third():
    image = keras.Input((4, 4, 3))
    x = keras.layers.Conv2D(64, 1, name="b")(keras.layers.Conv2D(64, 1, name="a")(image))
    model = keras.Model(image, keras.layers.Conv2D(2, 1, name="head")(x))
    traced = trace(model)
    a, b = traced.made["a"], traced.made["b"]
    scores = np.zeros(traced.count)
    scores[a], scores[b] = 1.0, 3.0
    terms = [Term((a,), lambda widths: float(widths[0])), Term((b,), lambda widths: float(widths[0]))]
    left = np.ones(traced.count, bool)
    left[by_value(groups(traced), scores, terms, 64, 8)] = False
    # a channel of a costs 64 / left, one of b 3 * 64 / left: of 64 channels a keeps about a quarter, b three
    assert (left[a].sum(), left[b].sum()) == (16, 48)


def test_a_kernel_that_gains_nothing_by_the_first_part_is_seen_through():
    model = chain()
    traced = trace(model)
    b = traced.made["b"]
    terms = [Term((b,), lambda widths: 1.0 if widths[0] > 16 else 0.0)]
    np.testing.assert_array_equal(by_value(groups(traced), np.arange(traced.count), terms, 0.5, 8), b[:16])


@pytest.mark.parametrize("name", CHOICES)
def test_every_choice_keeps_multiples_and_the_most_important(name):
    model = chain()
    traced = trace(model)
    scores = np.random.default_rng(0).random(traced.count)
    terms = macs(model, traced)
    whole = total(terms, np.ones(traced.count, bool))
    for share in (0.9, 0.6, 0.3, 0.2):
        removed = CHOICES[name](groups(traced), scores, terms, share * whole, 8)
        stays = np.ones(traced.count, bool)
        stays[removed] = False
        assert total(terms, stays) <= share * whole
        for layer in ("a", "b"):
            left = traced.made[layer][stays[traced.made[layer]]]
            assert len(left) % 8 == 0
            assert len(left) >= 8
            gone = np.setdiff1d(traced.made[layer], left)
            assert not len(gone) or scores[gone].max() < scores[left].min()


def test_uniformly_means_the_same_share_of_each_group():
    model = chain()
    traced = trace(model)
    terms = macs(model, traced)
    removed = uniformly(
        groups(traced), np.ones(traced.count), terms, 0.27 * total(terms, np.ones(traced.count, bool)), 8
    )
    assert [len(np.setdiff1d(traced.made[layer], removed)) for layer in ("a", "b")] == [8, 16]


@pytest.mark.parametrize("name", CHOICES)
def test_what_cannot_be_reached_says_what_can(name):
    model = chain()
    traced = trace(model)
    terms = macs(model, traced)
    with pytest.raises(Unreachable) as raised:
        CHOICES[name](groups(traced), np.ones(traced.count), terms, 1.0, 8)
    assert raised.value.least == 64 * 24 + 64 * 9 * 8 * 8 + 80
    fewest = np.ones(traced.count, bool)
    fewest[all_that_can_go(groups(traced), np.ones(traced.count), 8)] = False
    assert total(terms, fewest) == raised.value.least


def test_balanced_sets_take_as_many_of_each_group():
    one, other = np.array([[1, 2, 3], [4, 5, 6]]), np.array([[1, 4, 2], [5, 3, 6]])
    units, left = balanced([one, other])
    for unit in units:
        for partition in (one, other):
            counts = [sum(channel in group for channel in unit) for group in partition.tolist()]
            assert counts[0] == counts[1] > 0
    assert sorted([channel for unit in units for channel in unit] + left) == [1, 2, 3, 4, 5, 6]
    assert not left


def test_a_channel_that_lies_in_several_groups_counts_in_each():
    assert balanced([np.array([[1, 1, 2], [3, 4, 4]])])[1] == []
    assert balanced([np.array([[1, 1, 1], [2, 3, 4]])]) == ([[1, 2, 3, 4]], [])
    assert balanced([np.array([[1, 2], [3, 3]])]) == ([[1, 3, 2]], [])
