"""Density maps: TensorFlow's, of points, at any grid.

Each point is a Gaussian, integrated over the cells of the grid and divided by what of it lies in the image: so it sums
to 1, at borders, too, and the map of a coarser grid is the sum of the finer one's cells. (Lempitsky and Zisserman,
"Learning to Count Objects in Images", NeurIPS 2010, sum the Gaussians of pixels, and lose what is outside.)
"""

from typing import Any

from compress import keras

SMALLEST = 1e-30  # so that rows that are no points divide 0 by something


def map_of(points: Any, frame: Any, grid: tuple[int, int]) -> Any:
    """The density map of each image, float32 (n, *grid), points in each cell.

    ``points``: float32 (n, most, 3), y, x and standard deviation in pixels, 0 for rows that are none; ``frame``:
    float32 (n, 2), height and width.
    """
    rows, columns = (
        shares(points[..., axis], points[..., 2], frame[:, axis], cells) for axis, cells in enumerate(grid)
    )
    return keras.tf.einsum("nky,nkx->nyx", rows, columns)


def shares(places: Any, spreads: Any, side: Any, cells: int) -> Any:
    """What part of each Gaussian lies in each of the ``cells`` of an axis: float32 (n, most, cells); a point's sum is
    1, and 0 for one without a spread. ``places`` and ``spreads`` (n, most), ``side`` (n,), in pixels.
    """
    tf = keras.tf
    edges = tf.range(cells + 1, dtype=tf.float32) * (side[:, None] / cells)
    is_point = spreads > 0
    width = tf.where(is_point, spreads, 1.0)[..., None] * 2**0.5
    below = 0.5 * tf.math.erf((edges[:, None, :] - places[..., None]) / width)
    inside = (below[..., 1:] - below[..., :-1]) * tf.cast(is_point, tf.float32)[..., None]
    return inside / tf.maximum(tf.reduce_sum(inside, axis=-1, keepdims=True), SMALLEST)


def coarser(density: Any, grid: tuple[int, int]) -> Any:
    """A map (n, h, w, 1) at a coarser grid, its cells summed. Raises ValueError for one that does not divide it."""
    height, width = density.shape[1:3]
    down, right = height // grid[0], width // grid[1]
    if (height, width) != (down * grid[0], right * grid[1]):
        raise ValueError(f"a map of {height}x{width} has no cells of {grid[0]}x{grid[1]}")
    if down == right == 1:
        return density
    return keras.tf.nn.avg_pool2d(density, (down, right), (down, right), "VALID") * (down * right)


def coarsest(*densities: Any) -> tuple[int, int]:
    """The coarsest grid of some maps."""
    return min(density.shape[1] for density in densities), min(density.shape[2] for density in densities)
