import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.datasets import load_digits

from compress.datasets.digits import Digits
from compress.datasets.scans import to_bytes


def test_ink_of_0_to_16_becomes_bytes():
    assert to_bytes(np.array([0, 1, 4, 8, 15, 16])).tolist() == [0, 16, 64, 128, 239, 255]


def test_splits_have_the_sizes_promised_and_every_digit_in_proportion():
    dataset = Digits(size=8).load()
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [1294, 144, 359]
    assert dataset.label_names == tuple("0123456789")
    counts = np.bincount(load_digits().target)
    assert (abs(np.bincount(dataset.test.targets.labels) - counts * 0.2) <= 1).all()
    assert (abs(np.bincount(dataset.validation.targets.labels) - counts * 0.08) <= 1).all()


def test_every_image_is_where_its_label_is():
    source = load_digits()
    label_of = {to_bytes(image).tobytes(): label for image, label in zip(source.images, source.target, strict=True)}
    dataset = Digits(size=8).load()
    seen = []
    for split in (dataset.train, dataset.validation, dataset.test):
        images = split.read(np.arange(len(split)))
        assert (images[..., 0] == images[..., 1]).all() and (images[..., 0] == images[..., 2]).all()
        keys = [image[..., 0].tobytes() for image in images]
        assert [label_of[key] for key in keys] == split.targets.labels.tolist()
        seen += keys
    assert len(set(seen)) == 1797


def test_resized_images_are_the_8x8_ones_made_larger():
    small, large = (Digits(size=size).load().test.read(np.arange(20)) for size in (8, 32))
    assert large.shape == (20, 32, 32, 3)
    assert (large[:, 0, 0] == small[:, 0, 0]).all()  # a corner has nothing to blend with
    assert abs(large.mean() - small.mean()) < 1


def test_size_is_at_least_8():
    with pytest.raises(ValidationError, match="of at least 8"):
        Digits(size=7)
