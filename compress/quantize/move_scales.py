"""Scales at the image and behind capped ReLUs go into the kernels that they reach, or before the ReLU, exactly."""

from typing import Any

import numpy as np

from compress import keras
from compress.quantize.hard_swish import factors_behind
from compress.quantize.image_affine import into_first_kernel
from compress.rewrite.graph import clone, copy, only_reader, readers, rebuild, with_weights


def with_scales_moved(model: Any) -> Any:
    """What scales the image is in the first kernel; scales behind capped ReLUs go on into the kernels that they reach,
    or before the ReLU."""
    model = into_first_kernel(model)
    gone, kernels = factors_behind(model, readers(model))

    def replace(layer: Any, name: str) -> Any:
        if name in gone:
            return None
        if name not in kernels:
            return clone(layer)
        kernel, *others = layer.get_weights()
        return with_weights(copy(layer), [kernel * np.float32(kernels[name]), *others])

    return _scales_before_relus(rebuild(model, replace) if gone else model)


def _scales_before_relus(model: Any) -> Any:
    """s * relu6(x) = min(relu(s * x), 6 s): before the ReLU the scale can go on into a convolution."""
    model_readers = readers(model)
    scaled = {
        layer.name: reader
        for layer in model.layers
        if type(layer).__name__ == "ReLU"
        and not (layer.negative_slope or layer.threshold)
        and type(reader := only_reader(model_readers, layer)).__name__ == "Rescaling"
        and isinstance(reader.scale, float)
        and reader.scale > 0
        and reader.offset == 0
    }
    if not scaled:
        return model
    relus = {scale.name: model.get_layer(relu) for relu, scale in scaled.items()}

    def replace(layer: Any, name: str) -> Any:
        if name in scaled:
            return None
        new = clone(layer)
        if name not in relus:
            return new
        limit = relus[name].max_value
        relu = keras.layers.ReLU(None if limit is None else limit * layer.scale, name=relus[name].name)
        return lambda x: relu(new(x))

    return rebuild(model, replace)
