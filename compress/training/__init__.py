"""The one training loop that every stage uses."""

from compress.progress import Progress
from compress.training.fit import fit
from compress.training.settings import Data, Diverged, Training
from compress.training.strategy import ONE_DEVICE, Strategy, strategy_called

__all__ = ["ONE_DEVICE", "Data", "Diverged", "Progress", "Strategy", "Training", "fit", "strategy_called"]
