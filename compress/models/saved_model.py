"""A user's own network, made to emit logits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from compress import keras
from compress.errors import UserError
from compress.models.network_file import read


def load(
    path: str | Path,
    classes: int | None = None,
    shape: tuple[int, ...] | None = None,
    several_outputs: bool = False,
) -> keras.Model:
    """Loads a Keras network from a SavedModel folder, a .keras or an .h5 file; it comes back without its softmax.

    The network is Sequential or functional, with one float32 input (batch, *shape), of images in [0, 1], and one
    output. A softmax at its end (a Softmax layer, a softmax activation of the last layer, tf.nn.softmax) is taken
    away, weights untouched, so that softmax(load(path)(x)) is what the network said before.
    Sides that the input leaves open are those of ``shape``. With ``several_outputs``, a network of more than one may
    be looked at, softmaxes and all. Raises UserError, in one line, for anything else, and for a number of classes or an
    input shape other than the given ones.
    """
    model = sized(checked(read(path), path, classes, shape, several_outputs), shape)
    return logits(model, path) if len(model.outputs) == 1 else model


def sized(model: keras.Model, shape: tuple[int, ...] | None) -> keras.Model:
    """The network for examples of ``shape``; ``model`` itself where it leaves nothing open, or ``shape`` is None."""
    if shape is None or None not in model.inputs[0].shape[1:]:
        return model
    image = keras.Input(shape, name=model.inputs[0].node.layer.name)
    fixed = keras.models.clone_model(model, input_tensors=image)
    fixed.set_weights(model.get_weights())
    return fixed


def checked(
    model: keras.Model,
    path: str | Path,
    classes: int | None,
    shape: tuple[int, ...] | None,
    several_outputs: bool = False,
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
    if image.dtype != "float32":
        raise UserError(f"{path} reads {image.dtype.name}, not float32 in [0, 1]")
    if shape is not None and not _fits(image.shape[1:], shape):
        advice = _advice(image.shape[1:], shape)
        raise UserError(f"{path} reads {_words(image.shape[1:])}, the data are {_words(shape)}{advice}")
    if classes is not None and (len(output.shape) != 2 or output.shape[-1] != classes):
        raise UserError(f"{path} emits {tuple(output.shape)[1:]}, the data have {classes} classes")
    for layer in model.layers:
        if _divides_pixels(layer):
            raise UserError(
                f"{path} has its own rescaling ({layer.name}, by {layer.scale:.3g}): it expects pixels up to 255, "
                "ours are in [0, 1]; save it again without that layer"
            )
    return model


def _fits(reads: Sequence[int | None], shape: Sequence[int]) -> bool:
    """Whether a network that reads such examples, None for any side, takes those of ``shape``."""
    return len(reads) == len(shape) and all(one in (None, other) for one, other in zip(reads, shape, strict=True))


def _advice(reads: Sequence[int | None], shape: Sequence[int]) -> str:
    """What to set so that images fit, or how an array lacks an axis; nothing where neither helps."""
    if len(reads) == len(shape) == 3:
        pixels = [side or own for side, own in zip(reads, shape, strict=True)]
        size = f"size = {pixels[0] if pixels[0] == pixels[1] else pixels[:2]}" if pixels[:2] != list(shape[:2]) else ""
        channels = f"channels = {pixels[2]}" if pixels[2] != shape[2] else ""
        return f": set {' and '.join(filter(None, (size, channels)))} in [data]"
    if len(reads) == len(shape) + 1 and reads[-1] == 1:
        return ": give the arrays a last axis of 1"
    return ""


def _words(shape: Sequence[int | None]) -> str:
    return "x".join("any" if side is None else str(side) for side in shape)


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
