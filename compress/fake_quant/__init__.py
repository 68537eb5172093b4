"""Layers of our own, most of which emulate int8: importing it registers all that a SavedModel may contain."""

from compress.fake_quant.any_size import CellMeans, EnlargedLike
from compress.fake_quant.freeze import freeze_quantized_kernels, quantized_bias
from compress.fake_quant.kernels import (
    FloatKernel,
    KernelQuantizer,
    channel_axes,
    kernels_are_constants,
    kernels_as_constants,
    quantize_kernel,
)
from compress.fake_quant.layers import Float, Shift, Threshold
from compress.fake_quant.quantize_config import Int8Config

__all__ = [
    "CellMeans",
    "EnlargedLike",
    "Float",
    "FloatKernel",
    "Int8Config",
    "KernelQuantizer",
    "Shift",
    "Threshold",
    "channel_axes",
    "freeze_quantized_kernels",
    "kernels_are_constants",
    "kernels_as_constants",
    "quantize_kernel",
    "quantized_bias",
]
