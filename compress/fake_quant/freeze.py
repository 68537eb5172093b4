"""The end of quantization-aware training: kernels and biases become the numbers that the .tflite will hold."""

from typing import Any

import numpy as np

from compress.fake_quant.kernels import quantize_kernel
from compress.fake_quant.layers import Float


def freeze_quantized_kernels(model: Any) -> None:
    """Puts every kernel on its int8 grid for good, and its bias on the int32 grid that TFLite gives it.

    A bias of one value for all channels gets another last bit in one of them: the converter would write one code for
    all, although their scales differ.
    """
    for layer in model.layers:
        bias = getattr(getattr(layer, "layer", layer), "bias", None)
        for kernel, _, settings in getattr(layer, "_weight_vars", []):
            if settings:  # none for a kernel that stays float
                kernel.assign(quantize_kernel(kernel, settings["axes"]))
                if bias is not None and (step := _step(layer)):
                    bias.assign(quantized_bias(bias.numpy(), kernel.numpy(), settings["axes"], step))
        if bias is not None and len(bias.shape) == 1 and bias.shape[0] > 1:  # a recurrent layer has several rows
            values = bias.numpy()
            if values[0] and (values == values[0]).all():
                values[0] = np.nextafter(values[0], np.float32(np.inf))
                bias.assign(values)


def quantized_bias(bias: np.ndarray, kernel: np.ndarray, axes: tuple[int, ...], step: float) -> np.ndarray:
    """The bias rounded as TFLite stores it: in units of the input's ``step`` times that of its channel's kernel.

    ``kernel`` is frozen, with a scale per index of ``axes``. Small units, but a rounding that goes the other way moves
    an activation to the next code, and a deep network can make much of that. What does not fit 32 bits stays.
    """
    others = tuple(i for i in range(kernel.ndim) if i not in axes)
    unit = step * np.abs(kernel.astype(np.float64)).max(axis=others).ravel() / 127
    codes = np.round(bias / np.where(unit > 0, unit, 1))
    return np.where((unit > 0) & (np.abs(codes) < 2**31), codes * unit, bias).astype(np.float32)


def _step(layer: Any) -> float | None:
    """The scale of what a layer reads; None if it reads floats. Layers without a range of their own pass a scale on."""
    while layer.inbound_nodes and layer.inbound_nodes[0].parent_nodes:
        layer = layer.inbound_nodes[0].parent_nodes[0].layer
        config: Any = getattr(layer, "quantize_config", None)
        if isinstance(layer, Float) or getattr(config, "keep_float", False):
            return None
        if getattr(config, "low", None) is not None:
            return (config.high - config.low) / 255
    return None
