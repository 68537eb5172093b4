"""A user's own network, made to emit logits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from compress import keras
from compress.errors import UserError
from compress.models.network_file import read


def load(
    path: str | Path, classes: int | None = None, size: int | None = None, several_outputs: bool = False
) -> keras.Model:
    """Loads a Keras network from a SavedModel folder, a .keras or an .h5 file; it comes back without its softmax.

    The network is Sequential or functional, with one float32 input (batch, height, width, 3) in [0, 1] and one
    output. A softmax at its end (a Softmax layer, a softmax activation of the last layer, tf.nn.softmax) is taken
    away, weights untouched, so that softmax(load(path)(x)) is what the network said before.
    An input without height and width gets those of ``size``. With ``several_outputs``, a network of more than one may
    be looked at, softmaxes and all. Raises UserError, in one line, for anything else, and for a number of classes or an
    input size other than the given ones.
    """
    model = sized(checked(read(path), path, classes, size, several_outputs), size)
    return logits(model, path) if len(model.outputs) == 1 else model


def sized(model: keras.Model, size: int | None) -> keras.Model:
    """The network for images of ``size``; ``model`` itself where it has a side, or ``size`` is None."""
    sides = model.inputs[0].shape[1:3]
    if size is None or None not in sides:
        return model
    image = keras.Input((size, size, 3), name=model.inputs[0].node.layer.name)
    fixed = keras.models.clone_model(model, input_tensors=image)
    fixed.set_weights(model.get_weights())
    return fixed


def checked(
    model: keras.Model, path: str | Path, classes: int | None, size: int | None, several_outputs: bool = False
) -> keras.Model:
    """``model`` itself where it has the shapes that every stage relies on, else UserError."""
    if not model._is_graph_network:
        raise UserError(
            f"{path} is a subclassed network: its layers cannot be rewired (softmax, pruning, quantization); "
            "save it again as a functional or Sequential one"
        )
    for what, tensors in (("inputs", model.inputs), ("outputs", model.outputs)):
        if len(tensors) != 1 and not (several_outputs and what == "outputs"):
            raise UserError(f"{path} has {len(tensors)} {what}, not 1; save a keras.Model of one of them")
    image, output = model.inputs[0], model.outputs[0]
    if len(image.shape) != 4 or image.shape[-1] != 3:
        raise UserError(f"{path} reads {tuple(image.shape)}, not (batch, height, width, 3 channels)")
    if image.dtype != "float32":
        raise UserError(f"{path} reads {image.dtype.name}, not float32 in [0, 1]")
    if size is not None and any(side not in (None, size) for side in image.shape[1:3]):
        raise UserError(f"{path} reads images of {image.shape[1]}x{image.shape[2]}, the data are {size}x{size}")
    if classes is not None and (len(output.shape) != 2 or output.shape[-1] != classes):
        raise UserError(f"{path} emits {tuple(output.shape)[1:]}, the data have {classes} classes")
    for layer in model.layers:
        if _divides_pixels(layer):
            raise UserError(
                f"{path} has its own rescaling ({layer.name}, by {layer.scale:.3g}): it expects pixels up to 255, "
                "ours are in [0, 1]; save it again without that layer"
            )
    return model


def logits(model: keras.Model, path: str | Path) -> keras.Model:
    """The functional network without the softmax at its end; ``model`` itself where there is none."""
    last = model.get_layer(model.output_names[0])
    if not _is_softmax(last):
        _refuse_hidden_softmax(model, last, path)
        return model
    if len(last.inbound_nodes) > 1:
        raise UserError(f"{path}: the softmax {last.name} is used more than once and cannot be cut")
    if last.weights:  # Dense(classes, activation="softmax"), or a convolution
        last.activation = keras.activations.linear
        return model
    return keras.Model(model.inputs[0], last.input, name=model.name)


def _is_softmax(layer: Any) -> bool:
    if isinstance(layer, keras.layers.Softmax):
        return True
    if type(layer).__name__ == "TFOpLambda":
        return str(layer.get_config().get("function")) in ("nn.softmax", "math.softmax")
    return getattr(layer, "activation", None) is keras.activations.softmax


def _refuse_hidden_softmax(model: keras.Model, last: Any, path: str | Path) -> None:
    """A softmax can hide where no rule finds it (in a nested network, before a Reshape): then the outputs tell."""
    shape = [2, *(side or 64 for side in model.inputs[0].shape[1:])]
    random = keras.tf.random.stateless_uniform(shape, seed=(0, 0))
    output = model(random, training=False).numpy()
    if output.shape[-1] > 1 and (output >= 0).all() and (abs(output.sum(-1) - 1) < 1e-3).all():
        raise UserError(f"{path} emits probabilities from {last.name} ({type(last).__name__}): cannot cut to logits")


def _divides_pixels(layer: Any) -> bool:
    """True for a Rescaling of RGB by 1/255 or so."""
    if not isinstance(layer, keras.layers.Rescaling) or len(layer.inbound_nodes) != 1:
        return False
    return isinstance(layer.scale, float) and layer.scale < 1 / 16 and layer.output.shape[-1] == 3
