"""tfmot quantizers and the one QuantizeConfig; loads TensorFlow, so import it inside functions.

Weights are symmetric in [-127, 127], zero point 0, a scale per output channel; activations asymmetric in [-128, 127]
in a fixed, calibrated range. The gradient passes straight through inside the range (Jacob et al., 2018, section 3).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from compress import keras

tf = keras.tf
tfmot: Any = keras.tfmot.quantization.keras
_kernels_are_constants: ContextVar[bool] = ContextVar("_kernels_are_constants", default=False)


@keras.utils.register_keras_serializable("jetslim")
class KernelQuantizer(tfmot.quantizers.Quantizer):
    """Symmetric, narrow int8, a scale per output channel (dense: one scale); what is exactly zero stays zero.

    The mask needs no variable: zero weights are multiplied by zero, so they get no gradient and never move.
    tfmot's own PrunePreserve quantizers keep the mask outside the weights and lose it when a model is reloaded.
    """

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        return {"axes": channel_axes(name, len(tensor_shape), layer.layer)}

    def __call__(self, inputs: Any, training: Any, weights: dict[str, Any], **kwargs: Any) -> Any:
        return inputs if _kernels_are_constants.get() else quantize_kernel(inputs, weights["axes"])

    def get_config(self) -> dict[str, Any]:
        return {}


@keras.utils.register_keras_serializable("jetslim")
class FloatKernel(KernelQuantizer):
    """For a layer that is to stay float: what is exactly zero stays zero, the rest is as it is."""

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        return {}

    def __call__(self, inputs: Any, training: Any, weights: dict[str, Any], **kwargs: Any) -> Any:
        return inputs if _kernels_are_constants.get() else _with_zeros_held(inputs)


@keras.utils.register_keras_serializable("jetslim")
class Float(keras.layers.Layer):
    """Stands before and behind the layer ``of`` that name, which is to stay float, and changes nothing.

    The converter quantizes every operator that it finds between two quantized tensors. For it, the one image of a
    batch is put into reverse order; ``export`` takes that operator out of the file again.
    """

    def __init__(self, of: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.of = of

    def call(self, inputs: Any) -> Any:
        return tf.reverse(inputs, [0]) if _kernels_are_constants.get() else inputs

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "of": self.of}


@keras.utils.register_keras_serializable("jetslim")
class Threshold(keras.layers.Layer):
    """max(x, t) for channels that rise, min(x, t) for those that fall (``compress.quantize.batchnorm_relu_as_max``).

    Weights: ``threshold`` and, fixed, ``rising`` (1 or -1), both (1, 1, 1, channels). ``falls``: any channel does.
    """

    def __init__(self, falls: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.falls = falls

    def build(self, input_shape: Any) -> None:
        shape = (1, 1, 1, input_shape[-1])
        self.threshold = self.add_weight("threshold", shape)
        self.rising = self.add_weight("rising", shape, trainable=False)
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        if not self.falls:
            return tf.maximum(inputs, self.threshold)
        far = inputs.dtype.max
        risen = tf.maximum(inputs, tf.where(self.rising > 0, self.threshold, -far))
        return tf.minimum(risen, tf.where(self.rising > 0, far, self.threshold))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "falls": self.falls}


@keras.utils.register_keras_serializable("jetslim")
class Shift(keras.layers.Layer):
    """x + offset, one number for all: in int8 a twentieth of the time of a depthwise convolution."""

    def __init__(self, offset: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.offset = offset

    def call(self, inputs: Any) -> Any:
        return inputs + self.offset

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "offset": self.offset}


def channel_axes(name: str, rank: int, layer: Any) -> tuple[int, ...]:
    """The axes along which TFLite has scales of their own: those of the outputs; none for a dense kernel."""
    if rank != 4:
        return ()
    if name == "depthwise_kernel":  # (h, w, channels, multiplier)
        return (2, 3)
    return (2,) if isinstance(layer, keras.layers.Conv2DTranspose) else (3,)


def _with_zeros_held(kernel: Any) -> Any:
    return kernel * tf.stop_gradient(tf.cast(tf.not_equal(kernel, 0.0), kernel.dtype))


def quantize_kernel(kernel: Any, axes: tuple[int, ...]) -> Any:
    """The float32 kernel rounded to its int8 grid, a scale per index of ``axes``; one scale if there are none."""
    kernel_values = _with_zeros_held(kernel)
    others = [i for i in range(len(kernel.shape)) if i not in axes]
    limit = tf.reduce_max(tf.abs(tf.stop_gradient(kernel_values)), axis=others)
    limit = tf.reshape(tf.maximum(limit, 1e-9), [-1])  # a channel of zeros: any scale will do, but not 0
    if not axes:
        return tf.quantization.fake_quant_with_min_max_vars(kernel_values, -limit[0], limit[0], 8, narrow_range=True)
    # TensorFlow's per-channel form takes the last axis only: others change places with it
    order = [*others, *axes]
    moved = tf.transpose(kernel_values, order)
    flat = tf.reshape(moved, [-1, limit.shape[0]])
    quantized = tf.quantization.fake_quant_with_min_max_vars_per_channel(flat, -limit, limit, 8, narrow_range=True)
    return tf.transpose(tf.reshape(quantized, moved.shape), [order.index(i) for i in range(len(order))])


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

    ``kernel`` is settled, with a scale per index of ``axes``. Small units, but a rounding that goes the other way moves
    an activation to the next code, and a deep network can make much of that. What does not fit 32 bits stays.
    """
    others = tuple(i for i in range(kernel.ndim) if i not in axes)
    unit = step * np.abs(kernel.astype(np.float64)).max(axis=others).ravel() / 127
    codes = np.round(bias / np.where(unit > 0, unit, 1))
    return np.where((unit > 0) & (np.abs(codes) < 2**31), codes * unit, bias).astype(np.float32)


def _step(layer: Any) -> float | None:
    """The step between two codes of what a layer reads; None if it reads floats. Ties let others pass a grid on."""
    while layer.inbound_nodes and layer.inbound_nodes[0].parent_nodes:
        layer = layer.inbound_nodes[0].parent_nodes[0].layer
        config: Any = getattr(layer, "quantize_config", None)
        if isinstance(layer, Float) or getattr(config, "keep_float", False):
            return None
        if getattr(config, "low", None) is not None:
            return (config.high - config.low) / 255
    return None


@contextmanager
def kernels_as_constants() -> Iterator[None]:
    """Traces made inside take settled kernels as they are.

    The converter then quantizes plain constants, with the same scales. It cannot fold the fake quantization
    of a kernel over 100 kB, and computes such a layer in float.
    """
    token = _kernels_are_constants.set(True)
    try:
        yield
    finally:
        _kernels_are_constants.reset(token)


@keras.utils.register_keras_serializable("jetslim")
class Int8Config(tfmot.QuantizeConfig):
    """Quantizes a layer's kernel, if ``kernel`` names it, and its output, if ``low`` and ``high`` are given.

    ``keep_float``: the kernel's zeros are held and nothing is quantized.
    """

    def __init__(
        self, kernel: str | None = None, low: float | None = None, high: float | None = None, keep_float: bool = False
    ) -> None:
        self.kernel, self.low, self.high, self.keep_float = kernel, low, high, keep_float

    def get_weights_and_quantizers(self, layer: Any) -> list[tuple[Any, Any]]:
        quantizer = FloatKernel() if self.keep_float else KernelQuantizer()
        return [(getattr(layer, self.kernel), quantizer)] if self.kernel else []

    def set_quantize_weights(self, layer: Any, quantize_weights: list[Any]) -> None:
        if self.kernel:
            setattr(layer, self.kernel, quantize_weights[0])

    def get_activations_and_quantizers(self, layer: Any) -> list[tuple[Any, Any]]:
        return []

    def set_quantize_activations(self, layer: Any, quantize_activations: list[Any]) -> None:
        pass

    def get_output_quantizers(self, layer: Any) -> list[Any]:
        if self.low is None:
            return []
        return [tfmot.quantizers.FixedQuantizer(8, self.low, self.high, narrow_range=False)]

    def get_config(self) -> dict[str, Any]:
        return {"kernel": self.kernel, "low": self.low, "high": self.high, "keep_float": self.keep_float}
