"""Takes a trained network as it is."""

from pathlib import Path
from typing import Literal

from compress.config import config
from compress.errors import UserError
from compress.results import NetworkFacts
from compress.stages.base import Context
from compress.stages.network import NetworkStage
from compress.stages.save_and_evaluate import save_and_evaluate
from compress.stages.serving import Serving


@config
class Load(NetworkStage):
    """Loads a trained network: your own, ``saved_model``, or one by name with ``weights``. Nothing is trained.

    Its metrics on the test split are the first row of the results. Pruning, distillation and every mode of quantization
    can start from it.
    """

    kind: Literal["load"] = "load"

    @property
    def needs_input(self) -> bool:
        return False

    def check(self) -> None:
        super().check()
        if self.model is None and self.saved_model is None:
            raise UserError(f"load needs a trained network: --set {self.name}.saved_model=net.keras")
        if self.model is not None and self.weights in (None, "imagenet"):
            raise UserError(
                "load needs a trained network: for a model by name, give the path of its weights as weights = PATH"
            )

    def make(self, context: Context, out: Path, scratch: Path) -> NetworkFacts:
        network = self.network(context)
        serving = Serving(network, context)
        return save_and_evaluate(serving, context, out, scratch, "float32")
