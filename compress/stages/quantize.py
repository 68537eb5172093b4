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

    - qat: int8, emulated while the network trains on; ranges from ``calibration_images`` of the training split.
    - static: int8 by those ranges alone, nothing is trained.
    - dynamic: int8 kernels, the range of activations found anew in every inference.
    - float16: float16 weights, computed in float32.
    - static_int16x8: int8 kernels, int16 activations.

    All but the first two are the converter's own, as is static with ``rewrite = false``. The rewrite makes convolutions
    of batch norms, exactly. The network is always rebuilt from the input stage's SavedModel.
    """

    kind: Literal["quantize"] = "quantize"
    mode: Literal["qat", "static", "dynamic", "float16", "static_int16x8"] = "qat"
    """Whether the network is trained in int8 (qat), put on grids (static), or left to the converter (the others)."""
    epochs: int = Field(default=0, ge=0)
    """Of qat, which needs some."""
    rewrite: bool = True
    """False leaves the graph as it is."""
    calibration: Literal["minmax", "percentile", "entropy"] = "minmax"
    """How ranges follow from the activations of the images: to the last value, or cut."""
    percentile: float = Field(default=99.9, gt=50, le=100)
    """99.9 leaves 0.1 % of the values out at either end."""
    calibration_images: Count = 200
    """How many training images the ranges of activations are measured on."""
    grid: Literal["asymmetric", "symmetric"] = "asymmetric"
    """symmetric: the zero point of every grid is 0, as TensorRT wants it, at the price of a bit behind a ReLU."""
    keep_float: tuple[str, ...] = ()
    """Layers that are to compute in float, by name or pattern: what `jetslim compare` found to lose the most."""

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
            raise UserError('mode = "qat" needs epochs')
        if self.mode == "qat" and not self.rewrite:
            raise UserError('mode = "qat" trains the rewritten graph: rewrite = false goes with the other modes')
        if self.by_converter and self.calibration != "minmax":
            raise UserError(
                f'calibration = "{self.calibration}" goes with qat and static on the rewritten graph: '
                "the converter itself knows minmax alone"
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
                raise UserError(f"{name} goes with {go_with}")

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
