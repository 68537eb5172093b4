"""The one training loop that every stage uses."""

from compress.training.fit import fit
from compress.training.progress import Progress
from compress.training.settings import Data, Diverged, Training

__all__ = ["Data", "Diverged", "Progress", "Training", "fit"]
