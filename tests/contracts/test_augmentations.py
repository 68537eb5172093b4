"""Every augmentation: its neutral setting does nothing, another keeps dtype and shape, and all follows from the seed."""

from dataclasses import fields

import numpy as np
import pytest

from compress.config import parse
from compress.datasets import Augmentation, Dataset
from compress.datasets.augment_step import Step
from compress.datasets.splits import ArraySplit
from compress.distill import METHODS
from compress.errors import UserError
from compress.targets import Boxes, ClassIndices, ClassSets, Points, Quantities
from compress.training import Data

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (12, 16, 20, 3), np.uint8)
TARGETS = {
    "classes": ClassIndices(np.arange(12) % 4),
    "class sets": ClassSets(RNG.integers(0, 2, (12, 4))),
    "numbers": Quantities(RNG.normal(size=(12, 2))),
    "boxes": Boxes.of([[[2, 3, 9, 12, 1, 0]]] * 12, (16, 20)),
    "points": Points.of([[[5, 6, 2.0]]] * 12, (16, 20)),
}
CLASSES = {"classes", "class sets"}

# field -> (a setting that changes nothing, one that does, the targets that it is for)
CASES = {
    "crop_padding": (0, 3, TARGETS),
    "flip": (False, True, TARGETS),
    "colour": (0.0, 0.3, TARGETS),
    "blur": (0.0, 1.0, TARGETS),
    "resized_crop": ({"scale": [1.0, 1.0], "ratio": [1.0, 1.0]}, {}, TARGETS),
    "rand_augment": ({"operations": 0}, {}, CLASSES | {"numbers"}),
    "cutout": ({"side": 0}, {"side": 6}, CLASSES | {"numbers"}),
    "mixup": ({"alpha": 0.0}, {"alpha": 1.0}, CLASSES),
}
every = pytest.mark.parametrize("name", CASES)


def data(settings, targets="classes", seed=3):
    return Data(ArraySplit(IMAGES, TARGETS[targets]), parse(Augmentation, settings, "[data] augmentation"), seed)


def dataset(images, targets):
    split = ArraySplit(images, targets)
    return Dataset("made", tuple("abcd"), split, split, split, "")


def test_every_augmentation_has_its_case():
    assert set(CASES) | {"blur_lengths"} == {field.name for field in fields(Augmentation)}


@every
def test_the_neutral_setting_does_nothing(name):
    plain, neutral = (data(settings).batch(12, 0, 0) for settings in ({}, {name: CASES[name][0]}))
    np.testing.assert_array_equal(plain[0], neutral[0])
    for target, rows in plain[1].items():
        np.testing.assert_array_equal(rows, neutral[1][target])


@every
@pytest.mark.parametrize("targets", TARGETS)
def test_it_keeps_dtype_and_shape_and_follows_from_the_seed(name, targets):
    _, setting, wanted = CASES[name]
    augmentation = parse(Augmentation, {name: setting}, "test")
    if targets not in wanted:
        with pytest.raises(UserError, match=f"^\\[data\\] augmentation: {name} "):
            augmentation.check(dataset(IMAGES, TARGETS[targets]))
        return
    augmentation.check(dataset(IMAGES, TARGETS[targets]))
    assert augmentation.changes_images  # no outputs of teachers may be kept
    images, arrays, _ = data({name: setting}, targets).batch(12, 0, 0)
    plain, own, _ = data({}, targets).batch(12, 0, 0)
    assert images.dtype == np.uint8 and images.shape == IMAGES.shape and (images != plain).any()
    assert {key: (rows.dtype, rows.shape) for key, rows in own.items()}.items() <= {
        key: (rows.dtype, rows.shape) for key, rows in arrays.items()
    }.items()
    for epoch, same in ((0, True), (1, False)):
        again = data({name: setting}, targets).batch(12, epoch, 0)[0]
        assert (again == images).all() == same
    none, empty, _ = data({name: setting}, targets).no_batch()
    assert (none.dtype, none.shape) == (np.uint8, (0, *IMAGES.shape[1:]))
    assert {key: (rows.dtype, rows.shape[1:]) for key, rows in empty.items()} == {
        key: (rows.dtype, rows.shape[1:]) for key, rows in arrays.items()
    }


@every
@pytest.mark.parametrize("shape", [(16, 20, 3), (7,)])
def test_numbers_that_are_no_bytes_are_refused_where_pixels_are_meant(name, shape):
    values = RNG.normal(size=(12, *shape)).astype(np.float32)
    augmentation = parse(Augmentation, {name: CASES[name][1]}, "test")
    takes = name == "mixup" or (name in ("crop_padding", "flip") and len(shape) == 3)
    if takes:
        augmentation.check(dataset(values, TARGETS["classes"]))
        return
    with pytest.raises(UserError, match=r"\[data\] augmentation: .* needs? (uint8 )?images, but the data are "):
        augmentation.check(dataset(values, TARGETS["classes"]))


def test_what_contradicts_itself_or_cannot_be_is_refused():
    refusals = {
        r"resized_crop.scale = \[0.9, 0.2\]: the first number must be the smaller one": {
            "resized_crop": {"scale": [0.9, 0.2]}
        },
        r"resized_crop.ratio = \[1.2, 2.0\]: 1 must lie between": {"resized_crop": {"ratio": [1.2, 2.0]}},
        "rand_augment needs RGB or grey images, but they have 2 channels": {"rand_augment": {}},
    }
    for reason, settings in refusals.items():
        images = IMAGES[..., :2] if "rand" in reason else IMAGES
        with pytest.raises(UserError, match=reason):
            parse(Augmentation, settings, "test").check(dataset(images, TARGETS["classes"]))
    with pytest.raises(UserError, match=r"test: blur_lengths: \[0.3, 0.1\]: the first number must be the smaller one"):
        parse(Augmentation, {"blur": 0.5, "blur_lengths": [0.3, 0.1]}, "test")
    with pytest.raises(UserError, match=r"test: lengths: \[0.2, 0.1\]: the first number must be the smaller one"):
        parse(METHODS["blur_robust"], {"name": "blur_robust", "lengths": [0.2, 0.1]}, "test")
    for wrong in ({"cutout": {}}, {"cutout": {"side": -1}}, {"rand_augment": {"magnitude": 11.0}}, {"mixup": 0.2}):
        with pytest.raises(UserError, match="test: .*(cutout|rand_augment|mixup)"):
            parse(Augmentation, wrong, "test")


@pytest.mark.parametrize("targets", sorted(TARGETS.keys() - CLASSES))
def test_without_moves_rand_augment_is_for_every_task(targets):
    augmentation = parse(Augmentation, {"rand_augment": {"moves": False}}, "test")
    augmentation.check(dataset(IMAGES, TARGETS[targets]))
    _, arrays, _ = data({"rand_augment": {"moves": False}}, targets).batch(12, 0, 0)
    for key, rows in data({}, targets).batch(12, 0, 0)[1].items():
        np.testing.assert_array_equal(rows, arrays[key])


def test_steps_are_told_by_what_they_do():
    everything = parse(Augmentation, {name: setting for name, (_, setting, _) in CASES.items()}, "test")
    assert [type(step).__name__ for step in everything.steps] == ["RandAugment", "Cutout", "Mixup"]
    assert all(isinstance(step, Step) for step in everything.steps)
