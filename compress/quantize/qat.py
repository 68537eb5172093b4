"""A float network -> the same network with int8 emulated, ready for quantization-aware training."""

from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatch
from typing import Any

import numpy as np

from compress.errors import UserError, unknown
from compress.quantize import calibrate
from compress.quantize.fold import fold
from compress.quantize.support import Int8, Range, fuses_relu, support
from compress.rewrite.graph import clone, copy, only_reader, readers, rebuild


def quantization_aware(model: Any, calibration: Iterable[np.ndarray], keep_float: Sequence[str] = ()) -> Any:
    """Rewrites the network into int8's layers, measures ranges on the calibration batches and wraps what computes.

    ``model`` is functional and emits logits; ``calibration`` holds float32 NHWC batches in [0, 1]; ``keep_float``
    names layers of the folded network, or patterns, which are to compute in float.
    Raises UserError for a layer that is refused, and for a pattern that no layer matches.
    """
    from compress import keras
    from compress.fake_quant import Float, Int8Config

    folded = fold(model)
    plan = layers_in_int8(folded, keep_float)
    ranges = calibrate.shared(calibrate.observe(folded, calibration), calibrate.tied_groups(folded))
    fused, needed = _fused(folded, plan), _read_by_int8(folded, plan)
    wrap = keras.tfmot.quantization.keras.QuantizeWrapperV2

    def on_grid(name: str, limits: Range) -> Any:
        return wrap(keras.layers.Activation("linear", name=f"{name}_int8"), Int8Config(None, *limits))

    def replace(layer: Any, name: str) -> Any:
        how = plan[name]
        if not isinstance(how, Int8):
            new = _kept_float(layer, wrap)
            barrier, after = Float(name=f"{name}_float"), on_grid(name, ranges[name])
            if name not in needed:
                return new
            return lambda *args, **kwargs: after(barrier(new(*args, **kwargs)))
        if how.silent or (name in fused and not how.kernel):
            return clone(layer)
        if type(layer).__name__ == "TFOpLambda":
            new, after = clone(layer), on_grid(name, ranges[name])
            return lambda *args, **kwargs: after(new(*args, **kwargs))
        # a cap is the upper end of the grid: TFLite computes it with the rest, and a minimum would be one more operator
        new = copy(layer, max_value=None) if how.fixed and type(layer).__name__ == "ReLU" else _built(layer)
        return wrap(new, Int8Config(how.kernel, *((None, None) if name in fused else ranges[name])))

    return rebuild(folded, replace, lambda tensor: on_grid(tensor.node.layer.name, ranges[tensor.node.layer.name]))


def layers_in_int8(folded: Any, keep_float: Sequence[str] = ()) -> dict[str, Int8 | str]:
    """Name of each layer of a folded network -> how it computes in int8, or why it computes in float."""
    names = [layer.name for layer in folded.layers]
    for pattern in keep_float:
        if not any(fnmatch(name, pattern) for name in names):
            raise UserError(f"keep_float: {unknown('layer', pattern, names)}")
    return {
        layer.name: "keep_float asks for it"
        if any(fnmatch(layer.name, pattern) for pattern in keep_float)
        else support(layer)
        for layer in folded.layers
    }


def _built(layer: Any) -> Any:
    """A copy with its weights, built before it is wrapped: the wrapper puts its own tensor where the kernel was."""
    new = copy(layer)
    if layer.weights:
        new.build(layer.input_shape)
        new.set_weights(layer.get_weights())
    return new


def _kept_float(layer: Any, wrap: Callable[..., Any]) -> Any:
    from compress.fake_quant import Int8Config

    how = support(layer)
    if isinstance(how, Int8) and how.kernel:
        return wrap(_built(layer), Int8Config(how.kernel, keep_float=True))
    return clone(layer)


def _fused(folded: Any, plan: dict[str, Int8 | str]) -> set[str]:
    """Layers that TFLite computes in one operator with the ReLU behind them: the ReLU's output has the grid."""
    model_readers = readers(folded)
    return {
        layer.name
        for layer in folded.layers
        if (reader := only_reader(model_readers, layer)) is not None
        and fuses_relu(layer, reader)
        and isinstance(plan[reader.name], Int8)
    }


def _read_by_int8(folded: Any, plan: dict[str, Int8 | str]) -> set[str]:
    """Layers whose output an int8 layer reads: a float one among them needs a grid behind it."""
    return {
        name
        for name, read_by in readers(folded).items()
        if any(reader is not None and isinstance(plan[reader.name], Int8) for reader in read_by)
    }
