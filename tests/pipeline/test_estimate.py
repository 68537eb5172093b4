"""What a run is expected to take, beside what runs took that were measured on the reference machine."""

import json
from pathlib import Path

import pytest

from compress.artifacts import Store
from compress.pipeline import network_costs, plan, read_pipeline
from compress.pipeline.estimate import FACTOR, Speed, _step_seconds, estimate, speed
from compress.pipeline.network_costs import NetworkCost
from compress.results import MadeFacts

RESULTS = Path(__file__).parents[2] / "benchmarks/results"
RUNS = [*sorted((RESULTS / "narrow").glob("family-*.json")), *sorted((RESULTS / "host").glob("densenet121-*.json"))]


def planned(text, settings, folder):
    file = folder / "measured.toml"
    file.write_text(text)
    pipeline = read_pipeline(str(file), settings)
    return plan(pipeline, pipeline.data.load())


def no_other(name):
    raise AssertionError(f"{name} is not in the table")


def test_a_step_of_training_by_hand():
    """10 layers, 1 million multiply-adds and 1000 values for each of 32 images, 2000 parameters; half as fast in
    products."""
    took = _step_seconds(NetworkCost(10, 2000, 1_000_000, 1000), 32, Speed(1.0, 2.0))
    assert took == pytest.approx(2.6e-3 + 2 * (32 * (7.6e-6 + 0.2e-6) + 12e-6))


@pytest.mark.parametrize("file", RUNS, ids=lambda file: file.stem)
def test_measured_runs_took_what_is_expected(file, tmp_path):
    run = json.loads(file.read_text())
    expected = estimate(
        planned(run["config_toml"], run["settings"], tmp_path), Store(tmp_path / "store"), no_other, Speed()
    )
    assert 1 / FACTOR < expected.seconds / run["seconds"]["wall"] < FACTOR
    assert (expected.stages, expected.known) == (len(run["stages"]), 0)
    assert expected.guessed == len(run["stages"]) - 1  # an export makes no network


def test_a_stage_with_other_epochs_tells_what_an_epoch_takes(small, tmp_path):
    text, store = small.toml.read_text(), Store(small.folder / "store")
    whole = planned(text, (), tmp_path)
    assert estimate(whole, store, no_other, Speed()).stages == 0
    other = planned(text, ("quantized.epochs=6",), tmp_path)
    (before,) = (step for step in whole.steps if step.stage.name == "quantized")
    seconds = store.find(before.key).facts_as(MadeFacts).seconds
    expected = estimate(other, store, no_other, Speed())
    assert (expected.stages, expected.known, expected.guessed) == (2, 1, 0)
    by_hand = sum(seconds.values()) + 2 * seconds["training"]  # three times as many epochs
    assert by_hand + 10 < expected.seconds < by_hand + 12  # and what every run takes, and the export of a small network


def test_the_machine_is_measured():
    now = speed(0.05)
    assert 0.1 < now.loop < 100 and 0.1 < now.product < 100 and now.busy > 0.5


SMALL = ("resnet8", "densenet_tiny")
OTHERS = [pytest.param(name, marks=pytest.mark.every_network) for name in network_costs.table() if name not in SMALL]


@pytest.mark.parametrize("name", [*SMALL, *OTHERS])
def test_the_table_has_networks_of_the_registry_as_they_are_counted(name):
    counted = network_costs.row(name)
    assert counted.pop("network") == name
    assert network_costs.table()[name] == NetworkCost(**counted)


def test_a_layer_that_is_shared_computes_twice():
    from compress import keras

    image = keras.Input((8, 8, 3))
    conv = keras.layers.Conv2D(4, 3, padding="same")
    model = keras.Model(image, keras.layers.Add()([conv(image), conv(keras.layers.Rescaling(2.0)(image))]))
    by_hand = NetworkCost(layers=3, parameters=112, macs=2 * 64 * 27 * 4, values=64 * (4 + 3 + 4))
    assert network_costs.counted(model) == by_hand


def test_costs_follow_the_area_of_images():
    cost = NetworkCost(10, 1000, 900, 90)
    assert cost.at((32, 32, 3)) == NetworkCost(10, 1000, 100, 10)
    assert cost.at((48, 192, 1)) == cost
    assert cost.at((17,)) == cost
