"""Quantization-aware training: the network learns to live on int8 grids; what is zero stays zero."""

from pathlib import Path
from typing import Any, Literal

import numpy as np

from compress.config import Count, config
from compress.evaluate.predictors import to_float
from compress.prune import prunable_kernels
from compress.stages.base import Context, Stage
from compress.stages.finish import TRAINED_BY, Serving, finish, train_on_labels
from compress.training import Training


@config
class Quantize(Stage, Training):
    """Batch norms are folded or rewritten, ranges set from ``calibration_images`` of the training split, then trained.

    The network is always rebuilt from the input stage's SavedModel and never trained on from a quantized one.
    """

    kind: Literal["quantize"] = "quantize"
    calibration_images: Count = 200
    MADE_BY = (*TRAINED_BY, "stages/quantize", "quantize", "fake_quant")

    @property
    def form(self) -> str:
        return "int8"

    def make(self, context: Context, out: Path, scratch: Path) -> dict[str, Any]:
        from compress import fake_quant
        from compress.quantize.qat import quantization_aware

        pruned = context.load(self.input or "")
        with context.clock("build"):
            kernels = prunable_kernels(pruned)
            network = quantization_aware(pruned, calibration(context, self.calibration_images))
        serving = Serving(network, context)
        train_on_labels(network, self, serving, context, scratch)
        fake_quant.settle_kernels(network)
        keeps_zeros(kernels, prunable_kernels(network))
        return finish(serving, context, out, scratch, self.form)


def calibration(context: Context, count: int) -> list[np.ndarray]:
    """Seeded images of the training split: float32 NHWC in [0, 1], in batches whose activations fit into memory."""
    train = context.dataset.train
    chosen = np.random.default_rng(context.seed).permutation(len(train))[:count]
    batch = max(1, 100 * 32**2 // context.size**2)
    return [to_float(train.read(chosen[start : start + batch])) for start in range(0, len(chosen), batch)]


def keeps_zeros(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> None:
    """Raises RuntimeError if a kernel lost a zero. Kernels by layer name, as ``prunable_kernels`` gives them."""
    for name, kernel in before.items():
        if np.any(after[name][kernel == 0] != 0):
            raise RuntimeError(f"quantization lost zeros of {name}: this is a fault of jetslim, please report it")
