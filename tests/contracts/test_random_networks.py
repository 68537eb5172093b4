"""Generated networks of either Keras through all that the stages do: right by values, or refused in one line."""

import pytest

from compress.models import keras3
from tests.contracts import random_networks


@pytest.mark.parametrize(
    "seed", [*range(1000, 1010), *(pytest.param(n, marks=pytest.mark.slow) for n in range(1010, 1060))]
)
def test_a_network_is_right_by_values_or_refused(seed):
    model = random_networks.network(seed, in_keras3=bool(seed % 2))
    outcome = random_networks.check(keras3.convert(model) if seed % 2 else model)
    assert outcome.refused or outcome.int8_network > -100
