"""What a stage trains on: never the test split."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from compress.datasets import DATASETS, Augmentation
from compress.stages import Context
from compress.stages.quantize import calibration, keeps_zeros
from tests.said import TASK


@pytest.fixture(scope="module")
def digits():
    return DATASETS["digits"](size=8).load()


class Watched:
    """A split that notes which images are read."""

    def __init__(self, split):
        self.split, self.targets, self.seen = split, split.targets, []

    def __len__(self):
        return len(self.split)

    def read(self, indices):
        self.seen += list(indices)
        return self.split.read(indices)


@pytest.fixture
def context(digits):
    watched = SimpleNamespace(
        train=Watched(digits.train),
        validation=Watched(digits.validation),
        test=Watched(digits.test),
        shape=digits.shape,
    )
    given = dict.fromkeys((field.name for field in dataclasses.fields(Context)), None)
    return Context(**{**given, "dataset": watched, "task": TASK, "augmentation": Augmentation(), "seed": 3})


def test_training_reads_every_training_image_once_an_epoch_and_no_other(context, digits):
    labels = np.concatenate([targets["labels"] for _, targets, _ in context.data.batches(32, 0)])
    assert sorted(context.dataset.train.seen) == list(range(len(digits.train)))
    assert len(labels) == len(digits.train)
    assert context.dataset.test.seen == context.dataset.validation.seen == []


def test_the_order_comes_from_seed_and_epoch_alone(context):
    first, again, other = (
        [targets["labels"] for _, targets, _ in context.data.batches(32, epoch)] for epoch in (1, 1, 2)
    )
    assert np.array_equal(np.concatenate(first), np.concatenate(again))
    assert not np.array_equal(np.concatenate(first), np.concatenate(other))


def test_calibration_reads_training_images_alone(context):
    batches = calibration(context, 250)
    assert sum(len(batch) for batch in batches) == 250
    assert len(set(context.dataset.train.seen)) == 250
    assert context.dataset.test.seen == context.dataset.validation.seen == []
    assert np.concatenate(batches).max() == 1.0
    assert np.array_equal(np.concatenate(batches), np.concatenate(calibration(context, 250)))


def test_more_calibration_images_than_there_are(context, digits):
    assert sum(len(batch) for batch in calibration(context, 10**6)) == len(digits.train)


def test_no_digit_is_in_two_splits(digits):
    """The same scan can be in the source twice; what counts is which image of the source went where."""
    parts = [digits.train, digits.validation, digits.test]
    assert [len(part) for part in parts] == [1294, 144, 359]
    source = {}
    for name, part in zip("abc", parts, strict=True):
        for image in part.read(np.arange(len(part))):
            source.setdefault(image.tobytes(), set()).add(name)
    from sklearn.datasets import load_digits

    distinct = len(np.unique(load_digits().images.reshape(-1, 64), axis=0))
    assert sum(len(names) for names in source.values()) == distinct


def test_lost_zeros_are_noticed():
    kernel = np.ones((1, 1, 2, 2), np.float32)
    kernel[..., 0] = 0
    keeps_zeros({"conv": kernel}, {"conv": kernel * 3})
    with pytest.raises(RuntimeError, match="conv"):
        keeps_zeros({"conv": kernel}, {"conv": kernel + 1})


def test_lost_zeros_are_noticed_in_a_kernel_laid_out_anew():
    kernel = np.ones((1, 3, 2, 2), np.float32)
    kernel[..., 0] = 0
    anew = np.zeros((1, 2, 4, 2), np.float32)
    anew[..., 1][np.arange(8).reshape(1, 2, 4) < 6] = 2
    keeps_zeros({"conv": kernel}, {"conv": anew})
    with pytest.raises(RuntimeError, match="conv"):
        keeps_zeros({"conv": kernel}, {"conv": anew + 1})
