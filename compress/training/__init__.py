"""The one training loop that every stage uses."""

from compress.training.loop import Diverged, Training, fit
from compress.training.progress import Progress

__all__ = ["Diverged", "Progress", "Training", "fit"]
