"""How wide the kernel of each point is, by which it stands in a density map. A new kernel: a class here, in KERNELS."""

from typing import Annotated, Any, ClassVar, Literal, Protocol, Union

import numpy as np
from pydantic import Field

from compress.config import Positive, config
from compress.errors import UserError

NEIGHBOURS = 3


class Kernel(Protocol):
    """A frozen config; ``name`` is what a pipeline file calls it."""

    NAME: ClassVar[str]

    def spreads(self, points: np.ndarray) -> np.ndarray:
        """The standard deviation of the Gaussian of each point of an image, in its pixels; (k, 2) to float64 (k,)."""
        ...


@config
class Fixed:
    """Each point has the same standard deviation, ``spread`` pixels."""

    name: Literal["fixed"] = "fixed"
    spread: Positive = 4.0
    """Standard deviation of each point's Gaussian, in pixels."""
    NAME: ClassVar[str] = "fixed"

    def spreads(self, points: np.ndarray) -> np.ndarray:
        """See ``Kernel.spreads``."""
        return np.full(len(points), float(self.spread))


@config
class Adaptive:
    """``beta`` times the mean distance to the three nearest other points, between ``least`` and ``most`` pixels.

    Geometry-adaptive kernels: Zhang, Zhou, Chen, Gao and Ma, "Single-Image Crowd Counting via Multi-Column
    Convolutional Neural Network", CVPR 2016, section 2.2. With fewer than three others those that there are; ``most``
    for a point alone.
    """

    name: Literal["adaptive"] = "adaptive"
    beta: Positive = 0.3
    """Standard deviation of a point's Gaussian, as a fraction of the mean distance to its three nearest neighbours."""
    least: Positive = 1.0
    """Smallest standard deviation, in pixels."""
    most: Positive = 20.0
    """Largest standard deviation, in pixels."""
    NAME: ClassVar[str] = "adaptive"

    def spreads(self, points: np.ndarray) -> np.ndarray:
        """See ``Kernel.spreads``."""
        if self.least > self.most:
            raise UserError(f"kernel: least = {self.least:g} is greater than most = {self.most:g}")
        if len(points) < 2:
            return np.full(len(points), float(self.most))
        return np.clip(self.beta * mean_distances(points), self.least, self.most)


def mean_distances(points: np.ndarray) -> np.ndarray:
    """From each of at least two points (k, 2) to its three nearest others, or to those that there are: (k,)."""
    from scipy.spatial import KDTree

    nearest = min(NEIGHBOURS, len(points) - 1)
    return np.asarray(KDTree(points).query(points, nearest + 1)[0])[:, 1:].mean(axis=1)


KERNELS: dict[str, type[Kernel]] = {kernel.NAME: kernel for kernel in (Fixed, Adaptive)}

AnyKernel: Any = Annotated[Union[tuple(KERNELS.values())], Field(discriminator="name")]  # noqa: UP007


def with_spreads(points: np.ndarray, kernel: Kernel) -> np.ndarray:
    """y and x of the points of an image, (k, 2), as ``Points`` has them: float32 (k, 3)."""
    points = np.asarray(points, np.float64).reshape(-1, 2)
    return np.column_stack([points, kernel.spreads(points)]).astype(np.float32)
