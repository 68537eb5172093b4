"""Resized crops, RandAugment, cutout and mixup: values by hand, and targets that follow."""

import numpy as np
import pytest
from PIL import Image

from compress.datasets import Augmentation
from compress.datasets.cutout import cut
from compress.datasets.images import cut_out, resize
from compress.datasets.mixup import Mixup, mixed
from compress.datasets.rand_augment import OPERATIONS, RandAugment
from compress.datasets.resized_crop import ResizedCrop
from compress.datasets.splits import ArraySplit, FileSplit
from compress.targets import Boxes, ClassIndices, ClassSets, Parts, Points
from compress.training import Data

RNG = np.random.default_rng(0)
FOUR = np.arange(0, 160, 10, dtype=np.uint8).reshape(1, 4, 4, 1)


def test_a_part_of_an_image_by_hand():
    """The upper right quarter, [[20, 30], [60, 70]], at twice its size: centres of pixels are a quarter of one away, and
    those beside the part count for its border where the image has some."""
    part = cut_out(FOUR, np.array([[0, 0.5, 0.5, 1]]), (4, 4))[0, ..., 0]
    assert part[0].tolist() == [18, 23, 28, 30]  # 17.5, 22.5, 27.5, 30
    assert part[:, 0].tolist() == [18, 28, 48, 68]
    assert (cut_out(FOUR, np.array([[0, 0, 1, 1.0]]), (4, 4)) == FOUR).all()


def test_places_go_with_the_part_by_hand():
    """Rows 25 to 75 and columns 100 to 200 of 100 x 200, at twice the size."""
    parts = Parts(100, 200, np.array([[0.25, 0.5, 0.75, 1.0]]))
    boxes = Boxes.of([np.array([[30, 110, 50, 150, 1, 0], [0, 0, 20, 90, 0, 0], [20, 90, 40, 110, 2, 0]])], (100, 200))
    moved = boxes.moved(parts).rows[0]
    # the second lies outside; of the third three quarters of the height and half the width are left: hardly to be seen
    assert moved.tolist() == [[10, 20, 50, 100, 1, 0], [0, 0, 30, 20, 2, 1], [-1] * 6]
    points = Points.of([np.array([[30, 110, 4], [10, 150, 4.0]])], (100, 200)).moved(parts)
    assert points.places[0].tolist() == [[10, 20, 8], [0, 0, 0]]
    assert ClassIndices([3]).moved(parts).labels.tolist() == [3]


@pytest.mark.parametrize("stored", ["array", "array of another size", "file"])
def test_a_box_stays_where_its_pixels_are(stored, tmp_path):
    image = np.zeros((48, 64, 3), np.uint8)
    image[8:40, 4:20] = 255
    targets = Boxes.of([np.array([[8, 4, 40, 20, 0, 0]])], (48, 64))
    if stored == "file":
        Image.fromarray(np.repeat(np.repeat(image, 3, 0), 3, 1)).save(tmp_path / "a.png")
        split = FileSplit([tmp_path / "a.png"], targets, (48, 64))
    else:
        pixels = image if stored == "array" else np.repeat(np.repeat(image, 2, 0), 2, 1)
        split = ArraySplit(pixels[None], targets, (48, 64))
    data = Data(split, Augmentation(resized_crop=ResizedCrop(scale=(0.3, 1.0)), flip=True, crop_padding=3), 0)
    seen = 0
    for epoch in range(30):
        images, arrays, _ = data.batch(1, epoch, 0)
        white = images[0, ..., 0] > 128
        boxes = arrays["boxes"][0][arrays["classes"][0] >= 0]
        if len(boxes) and white.any():
            rows, columns = np.flatnonzero(white.any(axis=1)), np.flatnonzero(white.any(axis=0))
            assert boxes[0] == pytest.approx([rows[0], columns[0], rows[-1] + 1, columns[-1] + 1], abs=1.5)
            seen += 1
        else:
            assert white.sum() < 40
    assert seen > 15


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_a_part_is_cut_out_of_the_files_own_pixels(fit, tmp_path):
    photograph = resize(RNG.integers(0, 256, (1, 12, 16, 3), np.uint8), (96, 128))[0]
    Image.fromarray(photograph).save(tmp_path / "a.png")
    split = FileSplit([tmp_path / "a.png"], np.array([0]), 32, fit)
    got = split.read(np.array([0]), Parts(32, 32, np.array([[0.25, 0.5, 0.75, 1.0]])))[0]
    whole = {"stretch": photograph, "crop": photograph[:, 16:112], "pad": split.read(np.array([0]))[0]}[fit]
    height, width = whole.shape[:2]
    wanted = resize(whole[None, height // 4 : height * 3 // 4, width // 2 :], 32)[0]
    assert np.abs(got[2:-2, 2:-2].astype(int) - wanted[2:-2, 2:-2]).max() <= 1
    same = split.read(np.array([0]), Parts(32, 32, np.array([[0, 0, 1, 1.0]])))
    assert (same == split.read(np.array([0]))).all()


def test_areas_and_ratios_are_drawn_between_the_two_and_fit():
    crop = ResizedCrop(scale=(0.1, 0.9), ratio=(0.5, 3.0))
    corners = crop.draw(4000, 30, 60, np.random.default_rng(1)).corners
    assert corners.min() >= 0 and corners.max() <= 1
    height, width = (corners[:, 2:] - corners[:, :2]).T
    area, ratio = height * width, width / height
    assert 0.1 <= area.min() < 0.12 and 0.88 < area.max() <= 0.9
    assert area.mean() == pytest.approx(0.5, abs=0.02)
    assert 0.5 <= ratio.min() < 0.55 and 2.7 < ratio.max() <= 3.0
    assert corners[:, 0].min() < 0.02 and corners[:, 2].max() > 0.98


def test_a_hole_by_hand():
    """The mean of 0 to 150 is 75. A hole of 2 around row 2 and column 1, and one that is half outside."""
    holes = cut(np.repeat(FOUR, 2, axis=0), np.array([2, 0]), np.array([1, 3]), 2)[..., 0]
    assert holes[0].tolist() == [[0, 10, 20, 30], [75, 75, 60, 70], [75, 75, 100, 110], [120, 130, 140, 150]]
    assert holes[1].tolist() == [[0, 10, 75, 75], [40, 50, 60, 70], [80, 90, 100, 110], [120, 130, 140, 150]]
    assert FOUR.max() == 150
    colours = np.zeros((1, 2, 2, 3), np.uint8)
    colours[..., 1], colours[0, 0, 0, 2] = 9, 100
    assert cut(colours, np.array([1]), np.array([1]), 1)[0, 1, 1].tolist() == [0, 9, 25]


def test_mixtures_by_hand():
    images = np.array([[[0, 100]], [[200, 50]]], np.uint8)
    both = mixed(images, images[::-1], np.float32([0.75, 0.5]))
    assert both.tolist() == [[[50, 88]], [[100, 75]]] and both.dtype == np.uint8  # 87.5
    numbers = mixed(np.float32([[1], [3]]), np.float32([[3], [1]]), np.float32([0.75, 1]))
    assert numbers.tolist() == [[1.5], [3]] and numbers.dtype == np.float32
    others, shares = np.array([1, 0]), np.float32([0.75, 1])
    labels = ClassIndices([4, 7]).mixed(others, shares)
    assert [rows.tolist() for rows in labels.arrays().values()] == [[4, 7], [7, 4], [0.75, 1]]
    assert labels.take(np.array([1])).arrays()["other_labels"].tolist() == [4]
    sets = ClassSets([[1, 0, 1], [0, 0, 1]]).mixed(others, shares).arrays()["present"]
    assert sets.tolist() == [[0.75, 0, 1], [0, 0, 1]] and sets.dtype == np.float32


def test_shares_are_those_of_beta_folded_and_who_goes_with_whom_is_drawn():
    images = np.arange(100, dtype=np.float32)[:, None] * 1000
    mixtures, targets = Mixup(alpha=1.0).of(images, ClassIndices(np.arange(100)), np.random.default_rng(0))
    assert targets.shares.min() >= 0.5 and targets.shares.mean() == pytest.approx(0.75, abs=0.04)  # even in [1/2, 1]
    assert sorted(targets.other_labels) == sorted(targets.labels) and (targets.other_labels != targets.labels).any()
    wanted = 1000 * (targets.shares * targets.labels + (1 - targets.shares) * targets.other_labels)
    np.testing.assert_allclose(mixtures[:, 0], wanted, rtol=1e-4)


def after(name, image, strength):
    pixels = np.asarray(image, np.uint8)
    return np.asarray(OPERATIONS[name].of(Image.fromarray(pixels), strength)).tolist()


def test_operations_by_hand():
    assert after("posterize", [[0xAB, 0x0F]], 1) == [[0xA0, 0]]
    assert after("posterize", [[0xAB, 0x0F]], 0.5) == [[0xA8, 0x0C]]  # 6 bits
    assert after("solarize", [[200, 127, 128]], 0.5) == [[55, 127, 127]]
    assert after("brightness", [[100, 200]], 1) == [[190, 255]]
    assert after("brightness", [[100, 200]], -1) == [[10, 20]]
    assert after("colour", [[[90, 90, 90]]], 1) == [[[90, 90, 90]]]
    assert after("autocontrast", [[100, 150, 200]], 1) == [[0, 127, 254]]  # Pillow rounds down
    # 150 / 331 of 4 pixels are 1.8: the middle of a pixel comes from the one two to the right
    assert after("translate_x", [[1, 2, 3, 4]], 1) == [[3, 4, 128, 128]]
    assert after("translate_x", [[1, 2, 3, 4]], -1) == [[128, 128, 1, 2]]
    assert after("translate_y", [[1], [2], [3], [4]], 1) == [[3], [4], [128], [128]]
    # rows below the first come from 0.3 pixels a row further to the right
    assert after("shear_x", [[1, 2, 3, 4]] * 4, 1) == [[1, 2, 3, 4], [1, 2, 3, 4], [2, 3, 4, 128], [2, 3, 4, 128]]
    assert len(OPERATIONS) == 14


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - {"autocontrast", "equalize"}))
@pytest.mark.parametrize("channels", [1, 3])
def test_a_magnitude_of_0_changes_nothing_and_10_does(name, channels):
    pixels = RNG.integers(0, 256, (9, 7, channels), np.uint8)
    image = Image.fromarray(pixels.squeeze())
    operation = OPERATIONS[name]
    assert (np.asarray(operation.of(image, 0.0)) == np.asarray(image)).all()
    changes = (np.asarray(operation.of(image, 1.0)) != np.asarray(image)).any()
    assert changes == (name != "identity" and not (name == "colour" and channels == 1))


def test_without_moves_pixels_stay_in_their_places():
    """Columns of one value each: whatever the operations, all rows stay alike; turned or shifted up, they would not."""
    image = np.tile(np.linspace(0, 255, 24).astype(np.uint8)[:, None], (1, 24))[None, ..., None]
    still, moving = RandAugment(moves=False, operations=3), RandAugment(operations=3)
    alike = {}
    for name, step in (("still", still), ("moving", moving)):
        images, _ = step.of(np.repeat(image, 60, axis=0), ClassIndices(np.zeros(60)), np.random.default_rng(0))
        alike[name] = (np.ptp(images[:, :, 2:-2, 0], axis=2) == 0).all(axis=1)  # sharpness leaves borders alone
    assert alike["still"].all() and not alike["moving"].all()
