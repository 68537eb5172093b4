"""A float network -> the same network with int8 emulated, ready for quantization-aware training."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from compress.quantize import calibrate, clip
from compress.quantize.fold import fold
from compress.quantize.graph import copy, rebuild

KERNELS = {"Conv2D": "kernel", "DepthwiseConv2D": "depthwise_kernel", "Dense": "kernel"}


def quantization_aware(model: Any, calibration: Sequence[np.ndarray], cut: clip.Clip | None = None) -> Any:
    """Folds batch norms, measures ranges on the calibration batches and wraps every layer that computes.

    ``model`` is functional and emits logits; ``calibration`` holds float32 NHWC batches in [0, 1]; ``cut`` clips the
    ranges (``compress.quantize.clip``).
    """
    from compress import keras
    from compress.fake_quant import Int8Config

    folded = fold(model)
    ranges = clip.clipped(folded, calibration, calibrate.observe(folded, calibration), cut)
    ranges = calibrate.shared(ranges, calibrate.tied_groups(folded))
    wrap = keras.tfmot.quantization.keras.QuantizeWrapperV2

    def replace(layer: Any) -> Any:
        kind = type(layer).__name__
        new = copy(layer)
        if layer.weights:  # before it is wrapped: the wrapper puts its own tensor where the kernel was
            new.build(layer.input_shape)
            new.set_weights(layer.get_weights())
        if kind in calibrate.SILENT:
            return new
        low, high = ranges[layer.name]
        return wrap(new, Int8Config(KERNELS.get(kind), low, high))

    def first(tensor: Any) -> Any:
        low, high = ranges[tensor.node.layer.name]
        return wrap(
            keras.layers.Activation("linear", name=f"{tensor.node.layer.name}_int8"), Int8Config(None, low, high)
        )

    return rebuild(folded, replace, first)
