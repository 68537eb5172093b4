"""Layers of ours that a quantized SavedModel may contain. Loads TensorFlow."""

from typing import Any

from compress import keras
from compress.fake_quant.kernels import kernels_are_constants

tf = keras.tf


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
        return tf.reverse(inputs, [0]) if kernels_are_constants() else inputs

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
