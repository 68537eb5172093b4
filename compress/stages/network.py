"""Where a trained stage's network comes from: a name, a SavedModel of the user's, or an earlier stage."""

from pathlib import Path
from typing import Any

from compress import models
from compress.config import Fraction, config
from compress.datasets import Dataset
from compress.errors import UserError
from compress.models import taps
from compress.stages.base import Context, Stage


@config
class NetworkStage(Stage):
    """The network is either ``model``, a name (any of keras.applications, resnet20, densenet_tiny, ...), or
    ``saved_model``, a path."""

    model: str | None = None
    """Name of a network: any of keras.applications, or one for small images, such as resnet20."""
    saved_model: str | None = None
    """Path of your own network, instead of ``model``: a .keras or .h5 file, or a SavedModel folder."""
    weights: str | None = None
    """Initial weights of ``model``: "imagenet", or the path of a weights file. Default: random."""
    batch_norm_momentum: Fraction | None = None
    """Momentum of the moving averages in all batch normalizations. 0.9 suits short trainings; 0.99 needs thousands of
    steps. Default: unchanged."""

    @property
    def takes_network(self) -> bool:
        return True

    @property
    def network_name(self) -> str | None:
        return self.model

    @property
    def needs_input(self) -> bool:
        return self.model is None and self.saved_model is None

    @property
    def files(self) -> tuple[str, ...]:
        weights = [self.weights] if self.weights not in (None, "imagenet") else []
        return tuple(str(path) for path in (self.saved_model, *weights) if path)

    def check(self) -> None:
        super().check()
        if self.model is not None:
            models.check_name(self.model)
        if self.model is not None and self.saved_model is not None:
            raise UserError("model and saved_model were both given: give only one")
        if not self.needs_input and self.input is not None:
            raise UserError("input and a model were both given: give only one")
        if self.weights is not None and self.model is None:
            raise UserError("weights needs model: a saved_model has its own weights")
        for path in self.files:
            if not Path(path).exists():
                raise UserError(f"{path} does not exist")
            if Path(path).is_dir() and not (Path(path) / "saved_model.pb").is_file():
                raise UserError(f"{path} is not a SavedModel: it has no saved_model.pb")

    def check_data(self, data: Dataset) -> None:
        super().check_data(data)
        if self.model is not None:
            models.check_shape(self.model, data.shape, self.weights)

    def network(self, context: Context) -> Any:
        """The network to train: float32 NHWC in [0, 1] to the task's raw outputs."""
        if self.model is not None:
            with context.clock("build"):
                head = context.task.head(context.dataset)
                network = models.build(self.model, context.shape, head, self.weights, seed=context.seed)
        elif self.saved_model is not None:
            network = context.load(self.saved_model)
        else:
            network = context.load(self.input or "")
        if self.batch_norm_momentum is not None:
            taps.set_batch_norm_momentum(network, self.batch_norm_momentum)
        return network
