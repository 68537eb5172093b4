"""A float network -> the same network with int8 emulated, ready for quantization-aware training."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from compress import keras
from compress.quantize import calibrate, range_clipping
from compress.quantize.batchnorm_relu_as_max import quantized_threshold
from compress.quantize.fold import fold
from compress.quantize.int8_support import ASKED, SupportByLayer, fixed_range, layers_in_int8, support
from compress.rewrite.graph import clone, copy, input_shape, readers, rebuild
from compress.rewrite.layer_kinds import Int8, Range, known_of


def quantization_aware(
    model: Any,
    calibration: Sequence[np.ndarray],
    cut: range_clipping.Clip | None = None,
    keep_float: Sequence[str] = (),
    ends_in_float: bool = False,
    symmetric: bool = False,
) -> Any:
    """Rewrites the network into int8's layers, measures ranges on the calibration batches and wraps what computes.

    Args:
        model: A functional network that emits raw outputs, such as logits.
        calibration: Batches as the network reads them: float32 NHWC in [0, 1] for images.
        cut: How the measured ranges are clipped (``compress.quantize.range_clipping``); None keeps them.
        keep_float: Names of layers of the folded network, or patterns, which are to compute in float.
        ends_in_float: The last layer with a kernel is to compute in float, and what is behind it.
        symmetric: Every grid is to have the zero point 0 (``calibrate.symmetric``).

    Returns:
        A network whose layers are wrapped by tfmot's QuantizeWrapperV2; it trains, and converts to an int8 .tflite.

    Raises:
        UserError: A layer is refused, or no layer matches a pattern.
    """
    from compress.fake_quant import Float, Int8Config

    folded = fold(model)
    support_by_layer = layers_in_int8(folded, keep_float, ends_in_float)
    ranges = _ranges(folded, support_by_layer, calibration, cut)
    of_bytes = {name for name, limits in ranges.items() if limits == calibrate.OF_BYTES}
    if symmetric:
        ranges = {name: calibrate.symmetric(limits) for name, limits in ranges.items()}
    needed, corrections = _read_by_int8(folded, support_by_layer), _corrections(folded, support_by_layer, ranges)
    wrap = keras.tfmot.quantization.keras.QuantizeWrapperV2

    def output_quantizer(name: str) -> Any:
        return wrap(keras.layers.Activation("linear", name=f"{name}_int8"), Int8Config(None, *ranges[name]))

    def behind_float(name: str) -> tuple[Any, Any]:
        return Float(name, name=f"{name}_float"), output_quantizer(name)

    def replace(layer: Any, name: str) -> Any:
        how = support_by_layer[name]
        if not isinstance(how, Int8) and known_of(layer).idle:
            return clone(layer) if name not in needed else _in_a_row(clone(layer), *behind_float(name))
        if not isinstance(how, Int8):
            new = _in_float(_kept_float(layer, wrap, corrections.get(name)), Float(name, name=f"{name}_from_int8"))
            return new if name not in needed else _in_a_row(new, *behind_float(name))
        if how.kernel:
            limits = (None, None) if how.no_output_quantizer else ranges[name]
            correction = corrections.get(name)
            if not layer.trainable:  # on its grid for good: the wrapper would train a kernel that it takes
                return wrap(_frozen(layer, how.kernel, correction), Int8Config(None, *limits))
            return wrap(_built(layer, correction), Int8Config(how.kernel, *limits))
        if how.no_output_quantizer:
            return clone(layer)
        if type(layer).__name__ == "TFOpLambda":  # no wrapper: its arguments are its own
            return _in_a_row(clone(layer), output_quantizer(name))
        if how.relu_as_max_pool:
            pool = keras.layers.MaxPooling2D(1, name=f"{name}_pool")
            return _in_a_row(pool, wrap(clone(layer), Int8Config(None, *ranges[name])))
        # a cap is the upper end of the grid: TFLite computes it with the rest, and a minimum would be one more operator
        new = copy(layer, max_value=None) if how.fixed and type(layer).__name__ == "ReLU" else _built(layer)
        return wrap(new, Int8Config(None, *ranges[name]))

    def first(tensor: Any) -> Any:
        name = tensor.node.layer.name
        # numbers that a float layer alone reads are as they come: on a grid, those of an Embedding would be others
        return output_quantizer(name) if name in needed or name in of_bytes else lambda given: given

    return rebuild(folded, replace, first)


def float_layers(aware: Any) -> dict[str, str]:
    """Name of each layer of a quantized network that computes in float -> why."""
    reasons: dict[str, str] = {}
    for layer in aware.layers:
        config = getattr(layer, "quantize_config", None)
        how = support(layer)
        if getattr(config, "keep_float", False):
            reasons[layer.layer.name] = ASKED
        elif type(layer).__name__ == "Float":
            reasons.setdefault(layer.of, ASKED)
        elif config is None and isinstance(how, str) and not isinstance(layer, keras.layers.InputLayer):
            reasons[layer.name] = how
    return reasons


def _ranges(
    folded: Any,
    support_by_layer: SupportByLayer,
    calibration: Sequence[np.ndarray],
    cut: range_clipping.Clip | None,
) -> dict[str, Range]:
    """Layer name -> the range of its output: measured, clipped, as TFLite prescribes it, and shared within a group."""
    ranges = range_clipping.clipped(folded, calibration, calibrate.observe(folded, calibration), cut)
    fixed = {layer.name: limits for layer in folded.layers if (limits := fixed_range(layer))}
    return calibrate.shared(ranges | fixed, calibrate.same_scale_groups(folded, support_by_layer))


def _in_float(layer: Any, barrier: Any) -> Callable[..., Any]:
    """The layer with every tensor that it reads through ``barrier``."""

    def call(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = keras.tf.nest.map_structure(partial(_if_activation, barrier), (args, kwargs))
        return layer(*args, **kwargs)

    return call


def _if_activation(layer: Any, value: Any) -> Any:
    """The layer called on a float tensor; constants and integers as they are."""
    return layer(value) if hasattr(value, "_keras_history") and value.dtype.is_floating else value


def _in_a_row(first: Any, *others: Any) -> Callable[..., Any]:
    """The layers as one call; the first one gets all the arguments, the others each of several outputs."""

    def call(*args: Any, **kwargs: Any) -> Any:
        result = first(*args, **kwargs)
        for layer in others:
            result = keras.tf.nest.map_structure(partial(_if_activation, layer), result)
        return result

    return call


def _corrections(folded: Any, support_by_layer: SupportByLayer, ranges: dict[str, Range]) -> dict[str, np.ndarray]:
    """Name of each convolution behind a threshold -> what its bias gains because the threshold lies on a grid."""
    corrections: dict[str, np.ndarray] = {}
    behind = readers(folded)
    for layer in folded.layers:
        if type(layer).__name__ != "Threshold" or not isinstance(support_by_layer[layer.name], Int8):
            continue
        exact, rising = (weight.ravel() for weight in layer.get_weights())
        moved = exact - quantized_threshold(exact, rising, ranges[layer.name])
        waiting = list(behind[layer.name])
        while waiting:
            reader = waiting.pop()
            if type(reader).__name__ == "Conv2D":
                corrections[reader.name] = moved @ reader.kernel.numpy()[0, 0]
            else:  # an average pool, which passes a constant on
                waiting += behind[reader.name]
    return corrections


def _built(layer: Any, correction: Any = None) -> Any:
    """A copy with its weights, built before it is wrapped: the wrapper puts its own tensor where the kernel was.

    ``correction`` is added to the bias.
    """
    new = copy(layer)
    if layer.weights:
        new.build(input_shape(layer))
        new.set_weights(layer.get_weights())
    if correction is not None:
        new.bias.assign_add(correction)
    return new


def _frozen(layer: Any, kernel: str, correction: Any) -> Any:
    from compress.fake_quant import channel_axes, quantize_kernel

    new = _built(layer, correction)
    variable = getattr(new, kernel)
    variable.assign(quantize_kernel(variable, channel_axes(kernel, len(variable.shape), new)))
    return new


def _kept_float(layer: Any, wrap: Callable[..., Any], correction: Any) -> Any:
    from compress.fake_quant import Int8Config

    how = support(layer)
    if isinstance(how, Int8) and how.kernel:
        return wrap(_built(layer, correction), Int8Config(how.kernel, keep_float=True))
    return clone(layer)


def _read_by_int8(folded: Any, support_by_layer: SupportByLayer) -> set[str]:
    """Layers whose output an int8 layer reads: a float one among them needs a grid behind it."""
    return {
        name
        for name, read_by in readers(folded).items()
        if any(reader is not None and _is_int8(support_by_layer[reader.name]) for reader in read_by)
    }


def _is_int8(how: Int8 | str) -> bool:
    return isinstance(how, Int8) and not how.integers
