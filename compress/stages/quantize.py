"""Quantization: a network learns to live on int8 grids, or is put on them, or is left to TFLite's converter."""

from dataclasses import fields, replace
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from compress.config import Count, config
from compress.errors import UserError, few
from compress.prune import prunable_kernels
from compress.quantize.int8_support import ASKED, SUMMED
from compress.results import NetworkFacts
from compress.rewrite import as_plain_layers
from compress.stages.base import Context, Stage
from compress.stages.calibration import calibration
from compress.stages.save_and_evaluate import save_and_evaluate
from compress.stages.serving import Serving
from compress.stages.train_on_targets import train_on_targets
from compress.stages.unbiased import as_before
from compress.training import Training

PRECISIONS = {"qat": "int8", "static": "int8", "dynamic": "dynamic", "float16": "float16", "static_int16x8": "int16x8"}
TRAINING = tuple(field.name for field in fields(Training))  # type: ignore[arg-type]


@config
class Quantize(Stage, Training):
    """``mode`` is one of

    - qat: int8, emulated while the network is trained further; the ranges are those of ``calibration_images`` images.
    - static: int8 with those ranges; nothing is trained.
    - dynamic: int8 kernels; the range of the activations is measured in every inference.
    - float16: float16 weights, computed in float32.
    - static_int16x8: int8 kernels, int16 activations.

    All but the first two are modes of TFLite's converter, as is static with ``rewrite = false``. The rewrite turns
    batch norms into convolutions, exactly. The network is always rebuilt from the SavedModel of the stage before.
    """

    kind: Literal["quantize"] = "quantize"
    mode: Literal["qat", "static", "dynamic", "float16", "static_int16x8"] = "qat"
    """Mode of quantization: qat trains with emulated int8, static calibrates int8 without training, the other three are
    those of TFLite's converter."""
    epochs: int = Field(default=0, ge=0)
    """Number of passes over the training images; needed by mode = "qat" only, 0 for the other modes."""
    rewrite: bool = True
    """Whether the graph is rewritten for int8 first (batch norms become convolutions, exactly); false leaves it as it
    is."""
    calibration: Literal["minmax", "percentile", "entropy"] = "minmax"
    """How the range of each activation is chosen from the calibration images: minmax takes all values, percentile and
    entropy cut outliers off."""
    percentile: float = Field(default=99.9, gt=50, le=100)
    """Percentile of the values that calibration = "percentile" keeps: 99.9 leaves out 0.1 % at either end."""
    calibration_images: Count = 200
    """Number of training images on which the ranges of activations are measured."""
    grid: Literal["asymmetric", "symmetric"] = "asymmetric"
    """Grid of the int8 values. symmetric: every zero point is 0, as TensorRT requires it; costs one bit of resolution
    behind a ReLU."""
    keep_float: tuple[str, ...] = ()
    """Layers that compute in float, by name or pattern, such as those for which `jetslim compare` shows the largest
    loss."""

    @property
    def trains(self) -> bool:
        return self.mode == "qat" and super().trains

    @property
    def precision(self) -> str:
        return PRECISIONS[self.mode]

    @property
    def by_converter(self) -> bool:
        """Whether TFLite's converter quantizes, at export; the stage's network is a float one then."""
        return self.mode not in ("qat", "static") or not self.rewrite

    @property
    def has_zero_points_of_0(self) -> bool:
        return not self.by_converter and self.grid == "symmetric"

    @property
    def quantizes(self) -> bool:
        return True

    @property
    def rewrites(self) -> bool:
        return self.rewrite

    @property
    def kept_in_float(self) -> tuple[str, ...]:
        return self.keep_float

    @property
    def is_judged_by_file(self) -> bool:
        return self.by_converter

    def check(self) -> None:
        if self.mode == "qat" and not self.epochs:
            raise UserError('mode = "qat" needs epochs of at least 1')
        if self.mode == "qat" and not self.rewrite:
            raise UserError(
                'mode = "qat" trains the rewritten graph, so rewrite = false is possible only with the other modes'
            )
        if self.by_converter and self.calibration != "minmax":
            raise UserError(
                f'calibration = "{self.calibration}" needs qat, or static with rewrite = true: TFLite\'s '
                "converter supports only minmax"
            )
        self._refuse(self.mode != "qat", TRAINING, 'mode = "qat": nothing else trains')
        self._refuse(self.by_converter, ("keep_float", "grid"), "qat and static on the rewritten graph")
        self._refuse(self.mode in ("dynamic", "float16"), ("calibration_images",), "the modes that need ranges")
        self._refuse(self.calibration != "percentile", ("percentile",), 'calibration = "percentile"')
        super().check()

    def _refuse(self, unused: bool, names: tuple[str, ...], go_with: str) -> None:
        """Raises UserError for the first of these settings that is not its default, if they are ``unused``."""
        default = Quantize(name=self.name)
        for name in names if unused else ():
            if getattr(self, name) != getattr(default, name):
                raise UserError(f"{name} works only with {go_with}")

    def make(self, context: Context, out: Path, scratch: Path) -> NetworkFacts:
        from compress.quantize.qat import float_layers

        network = context.load(self.input or "")
        with context.clock("build"):
            network = as_plain_layers(network) if self.rewrite else network
            kernels = prunable_kernels(network)
            network = self._quantized(network, context)
            in_float = {} if self.by_converter else float_layers(network)
            in_float = {name: self._reason(name, reason) for name, reason in in_float.items()}
        for reason in sorted(set(in_float.values())):
            layers = [layer for layer in in_float if in_float[layer] == reason]
            verb = "computes" if len(layers) == 1 else "compute"
            context.progress.say(f"    note: {few(layers)} {verb} in float: {reason}")
        serving = Serving(network, context)
        if self.mode == "qat":
            train_on_targets(network, self, serving, context, scratch)
        correction: dict[str, float] = {}
        if not self.by_converter:
            from compress import fake_quant

            fake_quant.freeze_quantized_kernels(network)
            keeps_zeros(kernels, prunable_kernels(network))
            if context.task.SUMS:
                correction = as_before(serving, context, self.input or "")
        return replace(
            save_and_evaluate(serving, context, out, scratch, self.precision, correction),
            mode=self.mode,
            rewrite=self.rewrite,
            calibration_images=self.calibration_images,
            float_layers=in_float,
        )

    def _quantized(self, network: Any, context: Context) -> Any:
        """The network that the SavedModel will hold: with int8 emulated, or in float for the converter."""
        from compress.quantize import range_clipping
        from compress.quantize.fold import fold
        from compress.quantize.qat import quantization_aware

        if self.by_converter:
            return fold(network) if self.rewrite else network
        clips: dict[str, range_clipping.Clip] = {
            "percentile": partial(range_clipping.percentile, percent=self.percentile),
            "entropy": range_clipping.entropy,
        }
        images = calibration(context, self.calibration_images)
        return quantization_aware(
            network,
            images,
            clips.get(self.calibration),
            self.keep_float,
            ends_in_float=bool(context.task.SUMS),
            symmetric=self.grid == "symmetric",
        )

    def _reason(self, layer: str, reason: str) -> str:
        """Why a layer computes in float: what was asked for by no pattern is for the sum's sake."""
        is_asked_for = any(fnmatch(layer, pattern) for pattern in self.keep_float)
        return SUMMED if reason == ASKED and not is_asked_for else reason


def keeps_zeros(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> None:
    """Raises RuntimeError if a kernel lost a zero. Kernels by layer name, as ``prunable_kernels`` gives them.

    A kernel that was laid out anew (``quantize.pixel_pair_stem``) may have more zeros, and no more of other weights.
    """
    for name, kernel in before.items():
        now = after[name]
        same = now.shape == kernel.shape
        if np.any(now[kernel == 0]) if same else np.count_nonzero(now) > np.count_nonzero(kernel):
            raise RuntimeError(f"quantization lost zeros of {name}: this is a fault of jetslim, please report it")
