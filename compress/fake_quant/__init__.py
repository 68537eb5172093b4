"""What emulates int8 in a network that trains: importing it registers all that a quantized SavedModel may contain."""

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
