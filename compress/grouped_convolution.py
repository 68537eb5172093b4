"""Convolutions in groups, trained on a CPU: 14 times faster than by Keras alone (a step of ShuffleNet-V1).

TensorFlow's CPU kernels compute such a convolution but not its gradient, so Keras has XLA compile both, for each shape
anew, into loops that no library speeds up. Here TensorFlow computes it, as any other, and its gradient is that of a
convolution a group.
"""

from typing import Any


def install(tf: Any, convolution: Any) -> None:
    """Gives the class ``convolution`` (tf_keras.layers.Conv2D) that way; where there is a GPU Keras keeps its own."""
    if tf.config.list_physical_devices("GPU"):
        return

    def compute(self: Any, inputs: Any, kernel: Any) -> Any:
        by_channel = self.groups == inputs.shape[-1] and self.strides[0] == self.strides[1]
        if by_channel and self.data_format == "channels_last":
            return _by_channel(tf, self, inputs, kernel)

        @tf.custom_gradient
        def with_gradient(inputs: Any, kernel: Any) -> Any:
            def gradient(upstream: Any) -> Any:
                with tf.GradientTape() as tape:
                    tape.watch([inputs, kernel])
                    result = _by_group(tf, self, inputs, kernel)
                return tape.gradient(result, [inputs, kernel], upstream)

            return self.convolution_op(inputs, kernel), gradient

        return with_gradient(inputs, kernel)

    convolution._jit_compiled_convolution_op = compute  # what Conv2D.call uses for more than one group


def _by_channel(tf: Any, layer: Any, inputs: Any, kernel: Any) -> Any:
    """A group a channel, as in ConvNeXt: TensorFlow has an operation for it, with its gradient."""
    filters = tf.reshape(kernel, (*kernel.shape[:2], layer.groups, -1))
    strides = (1, *layer.strides, 1)
    return tf.nn.depthwise_conv2d(inputs, filters, strides, layer.padding.upper(), dilations=layer.dilation_rate)


def _by_group(tf: Any, layer: Any, inputs: Any, kernel: Any) -> Any:
    """The same convolution, a group at a time."""
    channels = -1 if layer.data_format == "channels_last" else 1
    parts = zip(tf.split(inputs, layer.groups, channels), tf.split(kernel, layer.groups, -1), strict=True)
    return tf.concat([layer.convolution_op(*part) for part in parts], channels)
