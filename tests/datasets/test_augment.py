import numpy as np
import pytest
from pydantic import ValidationError

from compress.datasets import Augmentation
from compress.targets.geometry import flipped, padded_crop


def grey(rows):
    return np.array(rows, np.uint8)[None, :, :, None]


def test_crops_worked_by_hand():
    # Padded by 1:  0 0 0 0
    #               0 1 2 0
    #               0 3 4 0
    #               0 0 0 0
    image = grey([[1, 2], [3, 4]])
    crops = padded_crop(np.repeat(image, 4, axis=0), 1, tops=np.array([0, 1, 2, 0]), lefts=np.array([0, 1, 2, 1]))
    assert crops[..., 0].tolist() == [[[0, 0], [0, 1]], [[1, 2], [3, 4]], [[4, 0], [0, 0]], [[0, 0], [1, 2]]]
    assert crops.dtype == np.uint8


def test_flip_mirrors_left_and_right_of_the_chosen_images():
    images = np.repeat(grey([[1, 2, 3], [4, 5, 6]]), 2, axis=0)
    assert flipped(images, np.array([False, True]))[..., 0].tolist() == [
        [[1, 2, 3], [4, 5, 6]],
        [[3, 2, 1], [6, 5, 4]],
    ]


def augmented(augmentation, images, rng):
    return augmentation.draw(len(images), images.shape[1], images.shape[2], rng).of_images(images)


class Scripted:
    """Gives the draws it was told, and notes what it was asked for."""

    def __init__(self, *draws):
        self.draws, self.asked = list(draws), []

    def integers(self, low, high, count):
        self.asked.append((low, high, count))
        return np.array(self.draws.pop(0))


def test_apply_crops_and_then_flips():
    rng = Scripted([0], [1], [1])  # top, left, flip
    moved = augmented(Augmentation(crop_padding=1, flip=True), grey([[1, 2], [3, 4]]), rng)
    # The crop at top 0, left 1 is [[0, 0], [1, 2]]; mirrored:
    assert moved[0, :, :, 0].tolist() == [[0, 0], [2, 1]]
    assert rng.asked == [(0, 3, 1), (0, 3, 1), (0, 2, 1)]


def test_the_default_changes_nothing_and_draws_nothing():
    images = grey([[1, 2], [3, 4]])
    assert augmented(Augmentation(), images, Scripted()) is images


def test_images_are_drawn_for_one_by_one_and_the_source_is_left_alone():
    images = np.repeat(np.arange(1, 49, dtype=np.uint8).reshape(1, 4, 4, 3), 400, axis=0)
    before = images.copy()
    moved = augmented(Augmentation(crop_padding=2, flip=True), images, np.random.default_rng(0))
    assert (images == before).all()
    assert moved.shape == (400, 4, 4, 3)
    assert moved.dtype == np.uint8
    # 5 tops x 5 lefts x 2 flips, all different: 400 draws miss any one with probability 0.0003.
    assert 45 <= len(np.unique(moved, axis=0)) <= 50
    again = augmented(Augmentation(crop_padding=2, flip=True), images, np.random.default_rng(0))
    assert (again == moved).all()


def test_half_of_the_images_are_flipped():
    images = np.repeat(grey([[1, 2]]), 1000, axis=0)
    moved = augmented(Augmentation(flip=True), images, np.random.default_rng(0))
    assert 450 < (moved[:, 0, 0, 0] == 2).sum() < 550


@pytest.mark.parametrize("wrong", [{"crop_padding": -1}, {"crop_padding": "4"}, {"flip": 1}, {"mirror": True}])
def test_config_is_strict(wrong):
    with pytest.raises(ValidationError):
        Augmentation(**wrong)
