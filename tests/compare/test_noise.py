"""Signal-to-noise by hand, and which layer of one network is which of the other."""

from math import inf

import numpy as np
import pytest

from compress.compare import ComparedLayer, Comparison, Value, compare
from compress.compare.noise import matched_values
from compress.errors import UserError


class Given:
    """A network whose values are given: name -> numbers of each image; each layer reads the one before."""

    folded = True
    quantized = False

    def __init__(self, **given):
        self.numbers = [np.array(numbers, np.float32) for numbers in given.values()]
        self.values = [
            Value((name,), "Conv2D", "int8", numbers[0].size, frozenset({i - 1} if i else ()))
            for i, (name, numbers) in enumerate(zip(given, self.numbers, strict=True))
        ]
        self.output = len(self.values) - 1

    def __call__(self, images):
        return [numbers[images] for numbers in self.numbers]

    def each_from(self, images, given):
        return None


class Passing(Given):
    """Each layer gives its own numbers and, on top, by how much the one before departs from its own."""

    def each_from(self, images, given):
        own = self(images)
        return [x + (given[i - 1] - own[i - 1] if i else 0) for i, x in enumerate(own)]


def test_signal_to_noise_by_hand():
    clean = Given(first=[[3, 4], [5, 0]], second=[[10, 0], [0, 10]], third=[[1, 1], [1, 1]])
    noisy = Given(first=[[3, 4.5], [5, 0.5]], second=[[9, 1], [3, 9]], third=[[1, 1], [1, 1]])
    # first: 50 / 0.5; second: 200 / (1 + 1 + 9 + 1); sums over all the images, in whichever batches they come
    for batches in ([[0, 1]], [[0], [1]]):
        rows = compare(clean, noisy, [np.array(batch) for batch in batches]).rows
        assert [(row.name, round(row.snr, 4)) for row in rows] == [("second", 12.2185), ("first", 20.0), ("third", inf)]
        assert [round(row.noise, 4) for row in rows] == [0.06, 0.01, 0]


def test_a_layers_own_noise_by_hand():
    clean = Passing(first=[[10, 0]], second=[[10, 0]], third=[[0, 10]])
    noisy = Given(first=[[10, 1]], second=[[10, 3]], third=[[0, 13]])
    found = compare(clean, noisy, [np.array([0])])
    # the second makes 3 of the 1 that it would pass on: 2 are its own; the third passes on the 3
    assert {row.name: (round(row.noise, 4), round(row.own, 4)) for row in found.rows} == {
        "first": (0.01, 0.01), "second": (0.09, 0.04), "third": (0.09, 0.0),
    }  # fmt: skip
    assert [row.own_snr for row in found.rows if row.name == "third"] == [inf]
    assert not found.guessed


def test_the_guess_where_layers_cannot_be_run_by_themselves():
    clean = Given(first=[[10, 0]], second=[[10, 0]], third=[[0, 10]])
    noisy = Given(first=[[10, 1]], second=[[10, 3]], third=[[0, 12]])
    found = compare(clean, noisy, [np.array([0])])
    assert {row.name: round(row.own, 4) for row in found.rows} == {"first": 0.01, "second": 0.08, "third": 0.0}
    assert found.guessed


def test_nothing_where_something_should_be_and_the_other_way_round():
    clean = Given(dead=[[0, 0]], lost=[[2, 2]], silent=[[0, 0]])
    noisy = Given(dead=[[1, 0]], lost=[[0, 0]], silent=[[0, 0]])
    rows = compare(clean, noisy, [np.array([0])]).rows
    assert [(row.name, row.snr) for row in rows] == [("dead", -inf), ("lost", 0.0), ("silent", inf)]


def test_what_was_not_compared_passes_its_inputs_noise_on():
    clean = Given(first=[[10, 0]], last=[[10, 0]])
    noisy = Given(first=[[10, 1]], between=[[7, 7]], last=[[10, 2]])
    found = compare(clean, noisy, [np.array([0])])
    assert [(row.name, round(row.own, 4)) for row in found.rows] == [("last", 0.03), ("first", 0.01)]
    assert found.alone == 1


def values(*layers, sizes=None):
    """A network of values of these layers: a word each."""
    given = Given(**{str(i): [[0]] for i in range(len(layers))})
    for i, (value, names) in enumerate(zip(given.values, layers, strict=True)):
        value.layers, value.size = tuple(names.split()), (sizes or [4] * len(layers))[i]
    return given


def found(signal, noisy):
    return [(noisy.values[i].layers, signal.values[j].layers) for i, j in matched_values(signal, noisy).items()]


def test_a_layer_that_is_several_values_is_its_last_one():
    unfolded, folded = values("conv", "bn", "relu", "head"), values("conv", "head")
    assert found(unfolded, values("conv bn relu", "head")) == [
        (("conv", "bn", "relu"), ("relu",)),
        (("head",), ("head",)),
    ]
    # half of a batch norm stands for nothing; its other half, with the ReLU, does
    assert found(folded, values("conv", "conv bn", "head")) == [(("conv", "bn"), ("conv",)), (("head",), ("head",))]
    assert found(folded, values("conv", "relu conv", "")) == [(("relu", "conv"), ("conv",)), ((), ("head",))]


def test_values_of_other_sizes_are_not_the_same():
    assert found(values("conv", "pool", "head"), values("pool", "conv", "head", sizes=[1, 1, 4])) == [
        (("head",), ("head",))
    ]


def test_nothing_in_common():
    with pytest.raises(UserError, match="no layer with the same name"):
        compare(values("a", "b"), values("c", "d"), [])


def row(name, noise, own, precision="int8"):
    return ComparedLayer((name,), "Conv2D", precision, noise, own)


def test_what_to_keep_in_float():
    rows = [row("worst", 0.5, 0.4), row("heir", 0.5, 0.0), row("better", 0.3, 0.3), row("float", 0.3, 0.3, "float32"),
            row("near", 0.1, 0.1), row("small", 0.05, 0.05)]  # fmt: skip
    assert Comparison(rows, 0, folded=True).to_keep() == ["worst", "better", "near"]
    assert Comparison(rows, 0, folded=True).to_keep(most=1) == ["worst"]
    assert Comparison([*rows[:2], rows[-1]], 0, folded=True).to_keep() == ["worst"]  # an eighth of the worst is little
    assert Comparison(rows, 0, folded=False).to_keep() == []  # names that keep_float does not know
    assert Comparison([row("exact", 0.0, 0.0)], 0, folded=True).to_keep() == []
