"""Layers whose inside cannot be seen, so that no rule can be trusted with them; and what their owner can do."""

from collections.abc import Iterator
from typing import Any

from compress.errors import first_line
from compress.rewrite.graph import copy, is_functional, named, nodes


def refusals(model: Any) -> dict[str, str]:
    """Name of the layer -> why it is refused and what to do; of nested networks, too, as "outer/inner"."""
    layers = named(model)
    reasons = {name: reason for name, layer in layers if (reason := refusal(layer))}
    if reasons:
        return reasons
    names = {id(layer): name for name, layer in layers}
    return {names.get(id(layer), layer.name): reason for layer, reason in _calls_refused(model, None)}


def _calls_refused(model: Any, training: bool | None) -> Iterator[tuple[Any, str]]:
    """(layer, why) for calls that bind a layer to compute as in training; of nested networks' calls, too."""
    for node in nodes(model):
        layer, asked = node.layer, node.call_kwargs.get("training")
        mode = training if asked is None else asked
        if is_functional(layer) and node.call_kwargs.get("mask") is not None:
            yield layer, "is a network that is called with a mask, which is not supported: call its layers one by one"
        elif is_functional(layer):
            yield from _calls_refused(layer, mode)
        elif mode and (reason := _in_training(layer)):
            yield layer, reason


def _in_training(layer: Any) -> str | None:
    """Why a layer that is called with training=True is refused; None where that changes nothing."""
    from compress import keras

    advice = "call it, and the network that contains it, with training=False or without training"
    if isinstance(layer, keras.layers.BatchNormalization):
        words = "normalizes by the statistics of the batch, which on a board is one image"
        return f"is called with training=True, so that it {words}: {advice}" if layer.trainable else None
    is_random = any(kind.__name__ in ("BaseRandomLayer", "StochasticDepth") for kind in type(layer).__mro__)
    if is_random and bool(getattr(layer, "rate", 1)):
        return f"is called with training=True, so that its outputs are random: {advice}"
    return None


def refusal(layer: Any) -> str | None:
    """Why a single layer is refused; None for one that is not."""
    from compress import keras

    kind, ours = type(layer).__name__, type(layer).__module__.startswith("tf_keras.src.layers")
    if isinstance(layer, keras.layers.InputLayer):
        words = f"reads {layer.dtype}: build the network with keras.Input(..., dtype='float32')"
        return None if keras.tf.as_dtype(layer.dtype).is_floating else words
    if isinstance(layer, keras.Model):
        return (
            f"is a subclassed network ({kind}), whose layers cannot be read: build it with keras.Model(inputs, "
            "outputs), or call its layers one by one"
        )
    if isinstance(layer, keras.layers.Lambda):
        return (
            "is a Lambda, whose computation cannot be read: replace it by Keras layers, or by TensorFlow's "
            "operations (tf.add, *, tf.nn.relu6, ...) called on the tensors"
        )
    if not ours and list(layer._flatten_layers(include_self=False)):
        return (
            f"is a custom class ({kind}) with layers inside, which cannot be read: write it as a function that "
            "calls the layers one by one"
        )
    if ".saving." in type(layer).__module__:
        return (
            f"is of a class ({kind}) that is not a layer of Keras: use Keras's own layers, or import the "
            "module that registers it (keras.utils.register_keras_serializable)"
        )
    if getattr(layer, "data_format", None) == "channels_first":
        return 'has data_format = "channels_first": TFLite needs "channels_last"'
    if any(
        tensor.dtype == keras.tf.bool for node in layer.inbound_nodes for tensor in keras.tf.nest.flatten(node.outputs)
    ):
        return (
            "computes with booleans, which int8 cannot represent: write it with tf.maximum, tf.minimum, a ReLU "
            "or a LeakyReLU"
        )
    if layer.compute_dtype in ("float16", "bfloat16"):
        return (
            f"computes in {layer.compute_dtype}: build the network again under "
            'keras.mixed_precision.set_global_policy("float32"), and copy the weights with set_weights'
        )
    try:
        copy(layer)
    except Exception as error:  # a class of the user's can raise anything
        return f"({kind}) cannot be rebuilt from its get_config(): {first_line(error)}"
    return None
