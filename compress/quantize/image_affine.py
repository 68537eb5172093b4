"""What scales and shifts the image at a network's beginning goes into the first kernel, or away.

A network that expects bytes and divides them by 255 itself gets byte / 255 times 255 (``models.front``): together that
is nothing at all. What is left of such a chain, y = scale * x + shift per channel, goes into the kernel that alone
reads it: W * y + b = (W * scale) * x + (b + W * shift). A shift cannot, where the convolution pads: its zeros stand
for y.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from compress import keras
from compress.quantize.channel_affine import composed, is_affine
from compress.rewrite.graph import clone, copy, is_functional, only_reader, readers, rebuild, with_weights

NOTHING = 1e-6  # of the range of an image


@dataclass(frozen=True)
class AffineChain:
    """``layers`` that are affine, right behind the input; ``kernel`` is the layer that takes them over, if any is."""

    layers: tuple[Any, ...]
    scale: np.ndarray
    shift: np.ndarray
    kernel: Any = None

    @property
    def is_nothing(self) -> bool:
        return bool(np.all(np.abs(self.scale - 1) <= NOTHING) and np.all(np.abs(self.shift) <= NOTHING))


def at_the_image(model: Any) -> AffineChain | None:
    """The affine layers behind the one input of a plain network that can be taken away; None for none."""
    if not is_functional(model) or len(model.inputs) != 1 or len(model.inputs[0].shape) != 4:
        return None
    model_readers = readers(model)
    chain_layers, last = [], model.inputs[0].node.layer
    while (reader := only_reader(model_readers, last)) is not None and _is_fixed(reader):
        chain_layers.append(reader)
        last = reader
    if not chain_layers:
        return None
    scale, shift = composed(chain_layers)
    chain = AffineChain(tuple(chain_layers), scale, shift)
    if chain.is_nothing:
        return chain
    return (
        AffineChain(tuple(chain_layers), scale, shift, reader) if reader is not None and _takes(reader, shift) else None
    )


def into_first_kernel(model: Any) -> Any:
    """The same network without that chain; ``model`` itself where there is none."""
    chain = at_the_image(model)
    if chain is None:
        return model
    gone = {layer.name for layer in chain.layers}

    def replace(layer: Any, name: str) -> Any:
        if name in gone:
            return None
        return _taken_over(layer, chain) if layer is chain.kernel else clone(layer)

    return rebuild(model, replace)


def _is_fixed(layer: Any) -> bool:
    return is_affine(layer) and not layer.trainable_weights


def _takes(layer: Any, shift: np.ndarray) -> bool:
    if type(layer) is not keras.layers.Conv2D or layer.groups != 1:
        return False
    return not shift.any() or layer.padding == "valid" or layer.kernel_size == (1, 1)


def _taken_over(layer: Any, chain: AffineChain) -> Any:
    kernel, *bias = layer.get_weights()
    shift = np.einsum("hwio,i->o", kernel, chain.shift)
    weights = [kernel * chain.scale[:, None].astype(np.float32)]
    if bias or shift.any():
        weights.append((shift + (bias[0] if bias else 0)).astype(np.float32))
    return with_weights(copy(layer, use_bias=len(weights) == 2), weights)
