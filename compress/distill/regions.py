"""Where things may be in an image: the boxes around its regions of one colour.

The regions: Felzenszwalb and Huttenlocher, "Efficient Graph-Based Image Segmentation", IJCV 2004, by scikit-image.
Regions of several scales as proposals: Uijlings, van de Sande, Gevers and Smeulders, "Selective Search for Object
Recognition", IJCV 2013; that it joins regions, too, is left out.
"""

from importlib.util import find_spec

import numpy as np

from compress.datasets.images import resize
from compress.errors import UserError

MOST = 96
"""Proposals of an image."""
SIDE = 64
"""Pixels of the shorter side of an image at which its regions are sought: larger ones are made smaller."""
SCALES = (60.0, 300.0)  # of regions: the larger, the fewer
SMOOTHING = 0.3  # pixels, standard deviation
LEAST = 0.004  # of the image's area: smaller regions join a neighbour
NARROWEST, LONGEST = 0.04, 0.95  # of the image's side: boxes are left out that are smaller, or as good as the image


def check_package() -> None:
    """Raises UserError where scikit-image is not installed."""
    if find_spec("skimage") is None:
        raise UserError("method slv needs scikit-image: pip install 'jetslim[slv]'")


def proposals(image: np.ndarray) -> np.ndarray:
    """float32 (MOST, 4): top, left, bottom and right of each box, in parts of the image's sides; rows of 0 fill up.

    ``image``: (height, width, channels) in any range. Of more boxes than MOST the largest stay.
    """
    from scipy.ndimage import find_objects
    from skimage.segmentation import felzenszwalb

    sides = np.array(image.shape[:2])
    span = float(np.ptp(image)) or 1.0
    plain = (image.astype(np.float64) - float(image.min())) / span
    found = [
        (rows.start, columns.start, rows.stop, columns.stop)
        for scale in SCALES
        for rows, columns in find_objects(
            1 + felzenszwalb(plain, scale, SMOOTHING, max(1, int(LEAST * sides.prod())), channel_axis=-1)
        )
    ]
    boxes = np.unique(np.array(found, np.float32), axis=0) / np.tile(sides, 2).astype(np.float32)
    parts = boxes[:, 2:] - boxes[:, :2]
    boxes = boxes[(parts.min(axis=1) >= NARROWEST) & (parts.max(axis=1) <= LONGEST)]
    largest = np.argsort(-(boxes[:, 2:] - boxes[:, :2]).prod(axis=1), kind="stable")[:MOST]
    rows = np.zeros((MOST, 4), np.float32)
    rows[: len(largest)] = boxes[largest]
    return rows


def of_batch(rng: np.random.Generator, images: np.ndarray) -> np.ndarray:
    """float32 (n, MOST, 4): the proposals of each image, uint8 (n, height, width, channels). Draws no numbers."""
    smaller = min(1.0, SIDE / min(images.shape[1:3]))
    rows, columns = (round(smaller * side) for side in images.shape[1:3])
    found = [proposals(image) for image in resize(images, (rows, columns))]
    return np.stack(found) if found else np.empty((0, MOST, 4), np.float32)
