"""tfmot quantizers and the one QuantizeConfig; loads TensorFlow, so import it inside functions.

Weights are symmetric in [-127, 127], zero point 0, a scale per output channel; activations asymmetric in [-128, 127]
in a fixed, calibrated range. The gradient passes straight through inside the range (Jacob et al., 2018, section 3).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from compress import keras

tf = keras.tf
tfmot: Any = keras.tfmot.quantization.keras
_on_grid: ContextVar[bool] = ContextVar("_on_grid", default=False)


@keras.utils.register_keras_serializable("jetslim")
class KernelQuantizer(tfmot.quantizers.Quantizer):
    """Symmetric, narrow int8, a scale per output channel (dense: one scale); what is exactly zero stays zero.

    The mask needs no variable: zero weights are multiplied by zero, so they get no gradient and never move.
    tfmot's own PrunePreserve quantizers keep the mask outside the weights and lose it when a model is reloaded.
    """

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        return {"axis": _channel_axis(name, len(tensor_shape))}

    def __call__(self, inputs: Any, training: Any, weights: dict[str, Any], **kwargs: Any) -> Any:
        return inputs if _on_grid.get() else quantize_kernel(inputs, weights["axis"])

    def get_config(self) -> dict[str, Any]:
        return {}


def _channel_axis(name: str, rank: int) -> int | None:
    """Where TFLite has a scale per output channel; None for a dense kernel, which has one scale."""
    if rank != 4:
        return None
    return 2 if name == "depthwise_kernel" else 3


def quantize_kernel(kernel: Any, axis: int | None) -> Any:
    """The float32 kernel rounded to its int8 grid, a scale per index of ``axis``; one scale if it is None."""
    kept = kernel * tf.stop_gradient(tf.cast(tf.not_equal(kernel, 0.0), kernel.dtype))
    others = [i for i in range(len(kernel.shape)) if i != axis]
    limit = tf.reduce_max(tf.abs(tf.stop_gradient(kept)), axis=others)
    limit = tf.maximum(limit, 1e-9)  # a channel of zeros: any scale will do, but not 0
    if axis is None:
        return tf.quantization.fake_quant_with_min_max_vars(kept, -limit, limit, 8, narrow_range=True)
    # TensorFlow's per-channel form takes the last axis only: a depthwise kernel (h, w, c, 1) changes places
    order = [*others, axis]
    moved = tf.transpose(kept, order)
    quantized = tf.quantization.fake_quant_with_min_max_vars_per_channel(moved, -limit, limit, 8, narrow_range=True)
    return tf.transpose(quantized, [order.index(i) for i in range(len(order))])


def settle_kernels(model: Any) -> None:
    """Puts every kernel on its int8 grid for good; the network computes what it computed before."""
    for layer in model.layers:
        for kernel, _, settings in getattr(layer, "_weight_vars", []):
            kernel.assign(quantize_kernel(kernel, settings["axis"]))


@contextmanager
def kernels_on_grid() -> Iterator[None]:
    """Traces made inside take settled kernels as they are.

    The converter then quantizes plain constants, with the same scales. It cannot fold the fake quantization
    of a kernel over 100 kB, and computes such a layer in float.
    """
    token = _on_grid.set(True)
    try:
        yield
    finally:
        _on_grid.reset(token)


@keras.utils.register_keras_serializable("jetslim")
class Int8Config(tfmot.QuantizeConfig):
    """Quantizes a layer's kernel, if ``kernel`` names it, and its output, if ``low`` and ``high`` are given."""

    def __init__(self, kernel: str | None = None, low: float | None = None, high: float | None = None) -> None:
        self.kernel, self.low, self.high = kernel, low, high

    def get_weights_and_quantizers(self, layer: Any) -> list[tuple[Any, Any]]:
        return [(getattr(layer, self.kernel), KernelQuantizer())] if self.kernel else []

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
        return {"kernel": self.kernel, "low": self.low, "high": self.high}
