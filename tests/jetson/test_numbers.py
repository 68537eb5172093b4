"""Statistics and energy by numbers worked by hand."""

import math

import pytest

from jetson import energy, stats
from jetson.sensors import Sample


def test_summary():
    found = stats.summary([1, 2, 3, 4, 10])
    assert found["mean"] == 4
    assert found["std"] == pytest.approx(math.sqrt(50 / 4))  # 9 + 4 + 1 + 0 + 36, over n - 1
    assert (found["min"], found["p50"], found["max"], found["runs"]) == (1, 3, 10, 5)
    assert found["p90"] == pytest.approx(4 + 0.6 * 6)  # at 0.9 * 4 = 3.6 of the sorted samples
    assert found["p95"] == pytest.approx(4 + 0.8 * 6)
    assert found["p99"] == pytest.approx(4 + 0.96 * 6)
    assert found["cv"] == pytest.approx(math.sqrt(12.5) / 4)


def test_one_sample():
    assert stats.summary([2.5]) == {
        "runs": 1, "mean": 2.5, "std": 0.0, "cv": 0.0,
        **dict.fromkeys(("min", "p50", "p90", "p95", "p99", "max"), 2.5),
    }  # fmt: skip


def test_wilson():
    # Newcombe, 1998, table I: 81 of 263 and 15 of 148
    assert stats.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert stats.wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=1e-4)
    assert stats.wilson(0, 20)[0] == 0
    assert stats.wilson(20, 20)[1] == 1


def samples(*pairs):
    return [Sample(at, {"VDD_IN": power, "VDD_SOC": 1.0}) for at, power in pairs]


def test_energy():
    found = energy.per_inference(samples((0, 1000), (1, 2000), (10, 5000), (11, 7000), (30, 1)), (0, 2), (10, 12), 100)
    assert found["rail"] == "VDD_IN"
    assert (found["idle_mw"], found["busy_mw"]) == (1500, 6000)
    assert (found["samples"], found["idle_samples"], found["seconds"]) == (2, 2, 2)
    assert found["energy_mj"] == 120  # 6 W for 2 s over 100
    assert found["energy_above_idle_mj"] == 90


def test_no_energy_without_samples():
    assert energy.per_inference(samples((0, 1000)), (0, 2), (10, 12), 100) is None
    assert energy.per_inference([], (0, 2), (10, 12), 100) is None
