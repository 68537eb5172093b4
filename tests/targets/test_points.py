"""Points: counted, moved with their images, and as density maps whose sums are their numbers."""

import numpy as np
import pytest

from compress import keras
from compress.datasets import Augmentation
from compress.targets import Geometry, Points, Targets
from compress.tasks.density import coarser, coarsest, map_of, shares

FRAME = (24, 32)


def points(*rows, frame=FRAME):
    return Points.of([np.array(each, float).reshape(-1, 3) for each in rows], frame)


def maps(targets, grid=FRAME):
    arrays = targets.arrays()
    return map_of(arrays["points"], arrays["frame"], grid).numpy()


def still(count, **changes):
    zeros = np.zeros(count, np.int64)
    return Geometry(
        *FRAME, **{"padding": 0, "tops": zeros, "lefts": zeros, "mirrored": np.zeros(count, bool), **changes}
    )


def test_images_have_different_numbers_of_points_or_none():
    three = points([[1, 2, 1], [3, 4, 2]], [], [[5, 6, 1]])
    assert isinstance(three, Targets) and len(three) == 3
    assert three.places.shape == (3, 2, 3)
    assert three.counts.tolist() == [2, 0, 1]
    assert three.arrays()["counts"].tolist() == [2, 0, 1]
    assert three.arrays()["frame"].tolist() == [[24, 32]] * 3
    assert three.take(np.array([2, 0])).counts.tolist() == [1, 2]
    assert three.digest() != three.take(np.array([2, 0, 1])).digest()
    with pytest.raises(ValueError, match="points should be finite numbers"):
        Points(np.zeros((2, 2)), FRAME)


def test_mirrored_points_lie_at_the_other_side():
    moved = points([[10, 3, 1], [20, 32, 1]]).moved(still(1, mirrored=np.array([True])))
    assert moved.places[0].tolist() == [[10, 29, 1], [20, 0, 1]]


def test_a_padded_crop_moves_points_and_leaves_those_outside_out():
    """Padded by 4 and cut from row 1: three rows of black above, three rows lost below."""
    moved = points([[10, 3, 1], [23, 5, 1]]).moved(still(1, padding=4, tops=np.array([1]), lefts=np.array([4])))
    assert moved.places[0].tolist() == [[13, 3, 1], [0, 0, 0]]
    assert moved.counts.tolist() == [1]


def test_points_lie_where_their_pixels_went():
    """A bright pixel and the point in its middle, moved at random: the point is in the middle of the bright pixel."""
    rng = np.random.default_rng(0)
    images = np.zeros((50, *FRAME, 1), np.uint8)
    rows, columns = rng.integers(0, 24, 50), rng.integers(0, 32, 50)
    images[np.arange(50), rows, columns] = 255
    targets = points(*([[row + 0.5, column + 0.5, 1]] for row, column in zip(rows, columns, strict=True)))
    geometry = Augmentation(crop_padding=3, flip=True).draw(50, *FRAME, rng)
    moved, images = targets.moved(geometry), geometry.of_images(images)
    for image, places, count in zip(images, moved.places, moved.counts, strict=True):
        bright = np.argwhere(image[..., 0])
        assert count == len(bright)
        if count:
            np.testing.assert_allclose(places[0, :2], bright[0] + 0.5)


def test_a_cut_of_a_resized_image_by_hand():
    """Twice as large, and 10 rows and 20 columns from its corner."""
    large = Points.resized(np.array([[10, 15, 2], [4, 15, 2], [10, 40, 2]], float), (50, 60), (100, 120))
    assert Points.cut(large, 10, 20, (24, 32)).tolist() == [[10, 10, 4]]
    assert Points.resized(np.array([[10, 60, 2]]), (50, 60), (25, 20)).tolist() == [
        [5, 20, pytest.approx(2 * (1 / 2 + 1 / 3) / 2)]
    ]


@pytest.mark.parametrize("grid", [(24, 32), (12, 16), (6, 8), (3, 4), (1, 1)])
def test_every_map_sums_to_the_number_of_points_also_at_borders(grid):
    rng = np.random.default_rng(0)
    rows = [np.column_stack([rng.uniform(0, side, count) for side in FRAME] + [rng.uniform(0.5, 20, count)])
            for count in (0, 1, 7, 300)]  # fmt: skip
    corners = [[0, 0, 3], [24, 32, 3], [0, 32, 15], [24, 0, 0.5]]
    targets = points(*rows, corners)
    sums = maps(targets, grid).sum(axis=(1, 2), dtype=np.float64)
    np.testing.assert_allclose(sums, targets.counts, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("seed", range(40))
def test_counts_are_conserved_through_crops_flips_and_pooling(seed):
    rng = np.random.default_rng(seed)
    rows = [rng.uniform([0, 0, 0.3], [24, 32, 30], (count, 3)) for count in rng.integers(0, 20, 5)]
    targets = points(*rows)
    targets = targets.moved(Augmentation(crop_padding=int(rng.integers(0, 7)), flip=True).draw(5, *FRAME, rng))
    fine = keras.tf.constant(maps(targets)[..., None])
    for grid in ((24, 32), (6, 8)):
        sums = coarser(fine, grid).numpy().sum(axis=(1, 2, 3), dtype=np.float64)
        np.testing.assert_allclose(sums, targets.counts, atol=1e-3)


def test_a_coarser_map_is_the_sum_of_the_finer_ones_cells():
    targets = points([[5, 7, 3], [23, 31, 2]], [[11.5, 0, 6]])
    fine = keras.tf.constant(maps(targets)[..., None])
    np.testing.assert_allclose(coarser(fine, (6, 8)).numpy()[..., 0], maps(targets, (6, 8)), atol=1e-6)


def test_sum_pooling_by_hand():
    assert coarser(keras.tf.ones((1, 4, 4, 1)), (2, 2)).numpy()[0, ..., 0].tolist() == [[4, 4], [4, 4]]
    tall, wide = keras.tf.ones((1, 12, 4, 1)), keras.tf.ones((1, 6, 8, 1))
    assert coarsest(tall, wide) == (6, 4)
    with pytest.raises(ValueError, match="a map of 4x4 has no cells of 3x2"):
        coarser(keras.tf.ones((1, 4, 4, 1)), (3, 2))


def test_the_shares_of_a_point_by_hand():
    """In the middle of four cells of one standard deviation each: 0.1359 and 0.3413 of a Gaussian, over 0.9545."""
    found = shares(*(keras.tf.constant(values, keras.tf.float32) for values in ([[2.0]], [[1.0]], [4.0])), 4).numpy()
    np.testing.assert_allclose(found[0, 0], np.array([0.13591, 0.34134, 0.34134, 0.13591]) / 0.9545, atol=1e-4)


def test_a_map_is_highest_where_the_point_is():
    density = maps(points([[5.5, 20.5, 1.5]]))[0]
    assert np.unravel_index(density.argmax(), density.shape) == (5, 20)
