"""What a network without some channels has to compute: the network whose kernels read nothing of them."""

import numpy as np

from compress import keras
from compress.rewrite.graph import clone, rebuild


class _NormalizationOfSome(keras.layers.Layer):
    """A layer normalization over the channels of a mask, by its definition."""

    def __init__(self, layer, mask):
        super().__init__(name=layer.name)
        self.gamma, self.beta, self.epsilon = layer.gamma.numpy(), layer.beta.numpy(), layer.epsilon
        self.mask = mask.astype("float32")

    def call(self, x):
        tf = keras.tf
        count = self.mask.sum()
        mean = tf.reduce_sum(x * self.mask, -1, keepdims=True) / count
        variance = tf.reduce_sum((x - mean) ** 2 * self.mask, -1, keepdims=True) / count
        return (x - mean) / tf.sqrt(variance + self.epsilon) * self.gamma + self.beta


def masked(model, trace, removed):
    """A copy of ``model`` in which what reads the ``removed`` channels multiplies them by zero."""
    gone = np.zeros(trace.count, bool)
    gone[list(removed)] = True

    def replace(layer, name):
        is_norm = isinstance(layer, keras.layers.LayerNormalization) and layer.name in trace.given
        return _NormalizationOfSome(layer, ~gone[trace.given[name]]) if is_norm else clone(layer)

    network = rebuild(model, replace)
    for layer in network.layers:
        if layer.name not in trace.makers:
            continue
        kernel, read = layer.kernel.numpy(), gone[trace.given[layer.name]]
        if isinstance(layer, keras.layers.Conv2DTranspose):
            kernel[:, :, :, read] = 0
        elif isinstance(layer, keras.layers.Conv2D):
            outputs = kernel.shape[-1] // layer.groups
            for group, part in enumerate(np.split(read, layer.groups)):
                kernel[:, :, part, group * outputs : (group + 1) * outputs] = 0
        else:
            kernel[read] = 0
        layer.kernel.assign(kernel)
    return network


def some_of(trace, share, seed=0):
    """About that share of the channels that can go, and of no layer all of them."""
    rng = np.random.default_rng(seed)
    numbers = np.unique(np.concatenate(list(trace.made.values())))
    free = numbers[~trace.is_pinned[numbers]]
    removed = set(rng.choice(free, round(share * len(free)), replace=False).tolist())
    for channels in (*trace.made.values(), *trace.given.values()):
        if removed.issuperset(channels.tolist()):
            removed.discard(int(channels[0]))
    return sorted(removed)
