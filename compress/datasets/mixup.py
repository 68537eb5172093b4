"""Two images in one: Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: Beyond Empirical Risk Minimization", ICLR 2018."""

import numpy as np

from compress.config import NotNegative, config
from compress.datasets.splits import Dataset
from compress.errors import UserError
from compress.targets import Mixable, Targets


@config
class Mixup:
    """share * example + (1 - share) * another example of the batch, and the same for their classes.

    The share is drawn for each example from Beta(``alpha``, ``alpha``) and is always the larger part, so that each
    image is the main part of one example per epoch; the distribution of mixtures is that of the paper. Bytes are
    rounded. The paper uses an alpha of 0.2 for ImageNet and 1 for CIFAR-10. 0 mixes nothing.
    """

    alpha: NotNegative = 0.2
    """Both parameters of the Beta distribution from which the mixing share is drawn; a larger value mixes more evenly.
    0: off."""

    def check(self, data: Dataset) -> None:
        """See ``Step.check``; examples may be arrays of any shape."""
        if not isinstance(data.train.targets, Mixable):
            raise UserError(f"[data] augmentation: mixup needs classes, but the targets of {data.name} are not classes")

    def of(self, images: np.ndarray, targets: Targets, rng: np.random.Generator) -> tuple[np.ndarray, Targets]:
        """See ``Step.of``; draws the shares, then the others."""
        assert isinstance(targets, Mixable)
        shares = rng.beta(self.alpha, self.alpha, len(images)) if self.alpha else np.ones(len(images))
        shares = np.maximum(shares, 1 - shares).astype(np.float32)
        others = rng.permutation(len(images))
        return mixed(images, images[others], shares), targets.mixed(others, shares)


def mixed(examples: np.ndarray, others: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """shares * examples + (1 - shares) * others: (n, ...) of one dtype both, float32 (n,); bytes are rounded."""
    own = shares.reshape(-1, *[1] * (examples.ndim - 1))
    values = own * examples
    values += (1 - own) * others
    return np.rint(values, out=values).astype(np.uint8) if examples.dtype == np.uint8 else values
