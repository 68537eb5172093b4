"""Kernels on the int8 grid while a network trains: symmetric in [-127, 127], zero point 0, a scale per output channel.

The gradient passes straight through inside the range (Jacob et al., 2018, section 3). Loads TensorFlow.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

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
        return inputs if kernels_are_constants() else quantize_kernel(inputs, weights["axes"])

    def get_config(self) -> dict[str, Any]:
        return {}


@keras.utils.register_keras_serializable("jetslim")
class FloatKernel(KernelQuantizer):
    """For a layer that is to stay float: what is exactly zero stays zero, the rest is as it is."""

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        return {}

    def __call__(self, inputs: Any, training: Any, weights: dict[str, Any], **kwargs: Any) -> Any:
        return inputs if kernels_are_constants() else _with_zeros_held(inputs)


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


@contextmanager
def kernels_as_constants() -> Iterator[None]:
    """Traces made inside take frozen kernels as they are.

    The converter then quantizes plain constants, with the same scales. It cannot fold the fake quantization
    of a kernel over 100 kB, and computes such a layer in float.
    """
    token = _kernels_are_constants.set(True)
    try:
        yield
    finally:
        _kernels_are_constants.reset(token)


def kernels_are_constants() -> bool:
    """Whether a trace is made inside ``kernels_as_constants``."""
    return _kernels_are_constants.get()
