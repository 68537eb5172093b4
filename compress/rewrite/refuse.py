"""Layers whose inside cannot be seen, so that no rule can be trusted with them; and what their owner can do."""

from typing import Any

from compress.errors import first_line
from compress.rewrite.graph import copy, is_functional


def refusals(model: Any, prefix: str = "") -> dict[str, str]:
    """Name of the layer -> why it is refused and what to do; of nested networks, too, as "outer/inner"."""
    found: dict[str, str] = {}
    for layer in model.layers:
        name = prefix + layer.name
        if is_functional(layer):
            found |= refusals(layer, f"{name}/")
        elif reason := refusal(layer):
            found[name] = reason
    return found


def refusal(layer: Any) -> str | None:
    """Why a single layer is refused; None for one that is not."""
    from compress import keras

    kind, ours = type(layer).__name__, type(layer).__module__.startswith("tf_keras.src.layers")
    if isinstance(layer, keras.Model):
        return (
            f"is a subclassed network ({kind}), whose layers cannot be seen: "
            "build it with keras.Model(inputs, outputs), or call its layers one by one"
        )
    if isinstance(layer, keras.layers.Lambda):
        return (
            "is a Lambda, which hides its computation: write it with Keras layers, "
            "or with TensorFlow's operations (tf.add, *, tf.nn.relu6, ...) on the tensors themselves"
        )
    if not ours and list(layer._flatten_layers(include_self=False)):
        return (
            f"is a block of layers in a class of its own ({kind}), which cannot be seen: "
            "write the block as a function that calls the layers one by one"
        )
    if ".saving." in type(layer).__module__:
        return (
            f"is of a class ({kind}) that is not known here: use Keras's own layers, or import "
            "the module that registers it (keras.utils.register_keras_serializable)"
        )
    if getattr(layer, "data_format", None) == "channels_first":
        return "has its channels first: TFLite computes with channels last"
    if any(
        tensor.dtype == keras.tf.bool for node in layer.inbound_nodes for tensor in keras.tf.nest.flatten(node.outputs)
    ):
        return (
            "computes with truths, for which int8 has no grid: write it with tf.maximum, tf.minimum, a ReLU or a "
            "LeakyReLU"
        )
    if layer.compute_dtype in ("float16", "bfloat16"):
        return (
            f"computes in {layer.compute_dtype}: build the network again under "
            'keras.mixed_precision.set_global_policy("float32"), and give it the weights of this one'
        )
    try:
        copy(layer)
    except Exception as error:  # a class of the user's can raise anything
        return f"({kind}) cannot be built anew from its get_config(): {first_line(error)}"
    return None
