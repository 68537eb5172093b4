"""The one QuantizeConfig of tfmot's wrappers: which kernel is quantized, and in which fixed range the output.

Activations are asymmetric in [-128, 127] (Jacob et al., 2018, section 3). Loads TensorFlow.
"""

from typing import Any

from compress import keras
from compress.fake_quant.kernels import FloatKernel, KernelQuantizer

tfmot: Any = keras.tfmot.quantization.keras


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
