"""The table of the input, from results by hand."""

import numpy as np

from benchmarks.input.table import section
from benchmarks.studies import InputMemory, InputSpeed, InputWork, Machine

ROUNDS = [{"tf.data": 2000.0, "as they are": 1900.0}, {"tf.data": 1000.0, "as they are": 1200.0},
          {"tf.data": 4000.0, "as they are": 4000.0}]  # fmt: skip
MEMORY = InputMemory(100_000, 16_000, 224, 32, 6, {"TensorFlow": 700.0, "loaded": 800.0, "read": 850.4}, 31.4)


def test_by_hand():
    text = "\n".join(section([InputSpeed(2000, 224, 32, 2, Machine("a CPU", 2), ROUNDS, 0.1)], [], [MEMORY]))
    assert "2,000 JPEG files of 224x224, batches of 32, 2 cores of a CPU; medians of 3 rounds" in text
    assert "| tf.data's own loop | 2,000 | 1.00 | 1.00 to 1.00 |" in text
    assert "| jetslim, as they are | 1,900 | 1.00 | 0.95 to 1.20 |" in text  # of 0.95, 1.2 and 1
    assert "busy" not in text
    assert (
        "100,000 files of 224x224 takes 100 MB beside the 700 MB of TensorFlow once it is loaded, and 150 MB when"
        in text
    )


def test_a_busy_machine_is_told_of():
    text = "\n".join(section([InputSpeed(2000, 224, 32, 2, Machine("a CPU", 2), ROUNDS, 12.3)], [], []))
    assert "The machine was busy: 12 processes wanted its 2 cores meanwhile." in text


def work(height, width, *milliseconds):
    names = ("tf.data", "tf.data, antialias=True", "as they are", "decoding alone", "resizing alone")
    rounds = [dict(zip(names, np.array(milliseconds) * factor, strict=True)) for factor in (3, 1, 0.9)]
    return InputWork(512, height, width, 224, 32, 2, Machine("a CPU", 2), rounds)


def test_processor_times_by_hand_and_why_ours_are_longer():
    larger, same = work(375, 500, 1.0, 2.5, 2.0, 0.6, 1.1), work(224, 224, 0.4, 1.2, 0.32, 0.2, 0.0)
    text = "\n".join(section([], [larger, same], []))
    assert "| | 224x224 | tf.data's own loop = 1 | 375x500 | tf.data's own loop = 1 |" in text
    assert "| jetslim, as they are | 0.32 | 1.25 | 2.00 | 0.50 |" in text
    assert "| of that, resizing | 0.00 |  | 1.10 |  |" in text
    assert "files of 375x500 jetslim reaches 0.50 of tf.data's own loop, below 0.9, because" in text
    assert "alone takes 1.10 ms of 2.00" in text and "it takes 2.50 ms: 1.25 times jetslim's" in text
    assert "files of 224x224 jetslim reaches" not in text


def test_nothing_is_said_of_nothing():
    assert section([], [], []) == []
