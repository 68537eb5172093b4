"""Looking into a network and setting one thing about it, by layer."""

from __future__ import annotations

from collections.abc import Sequence

from compress import keras
from compress.errors import UserError, unknown


def taps(model: keras.Model, names: Sequence[str]) -> keras.Model:
    """A network on the same layers and weights whose outputs are those of the named layers: a tuple, in that order.

    Raises UserError for a layer that ``model`` does not have, and for one that is used more than once.
    """
    layers = {layer.name: layer for layer in model.layers}
    outputs = []
    for name in names:
        if name not in layers:
            raise unknown(f"layer of {model.name}", name, layers)
        if len(layers[name].inbound_nodes) > 1:
            raise UserError(
                f"layer {name} of {model.name} is used more than once, so its output is ambiguous: name a layer "
                "that is used once"
            )
        outputs.append(layers[name].output)
    # a tuple: Keras would unwrap a list of one
    tapped = keras.Model(model.inputs[0], tuple(outputs), name=f"{model.name}_taps")
    tapped.input_spec = model.input_spec  # None for one that is told to read images of any size
    return tapped


def set_batch_norm_momentum(model: keras.Model, momentum: float) -> None:
    """Sets the momentum of every batch norm of ``model``, nested ones too, in place.

    ``momentum`` in [0, 1) is the part of the moving mean and variance that one step keeps: the paper's networks have
    0.99, which needs thousands of steps; short runs need 0.9. To be called before the first training step, which
    traces the value into its graph. Raises UserError for a value outside.
    """
    if not 0 <= momentum < 1:
        raise UserError(f"batch_norm_momentum = {momentum} must be at least 0 and less than 1")
    for layer in model.submodules:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = momentum
