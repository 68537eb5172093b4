"""The one training loop that every stage uses."""

from compress.progress import Progress
from compress.training.fit import fit
from compress.training.settings import Data, Diverged, Training

__all__ = ["Data", "Diverged", "Progress", "Training", "fit"]
