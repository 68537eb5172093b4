"""A user's own network, made to emit what its task needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from compress import keras
from compress.errors import UserError
from compress.models import ends
from compress.models.network_file import read_network

Shape = tuple[int, ...]


def load(
    path: str | Path,
    classes: int | None = None,
    shape: Shape | None = None,
    outputs: int | None = 1,
    say: Callable[[str], None] | None = None,
    end: Callable[[Any, str], Any] = ends.classifier,
) -> Any:
    """Loads a Keras network from a SavedModel folder, a .keras or an .h5 file; it comes back with the ``end`` it needs.

    The network is Sequential or functional, with one input and so many ``outputs``, None for any. By default a softmax
    at its end is taken away, weights untouched, so that softmax(load(path)(x)) is what the network said before. An
    input of bytes (uint8) becomes one of float32 with the same values. An input without height and width gets those of
    ``shape``, which is that of one example of the data, without the batch. Which pixels it expects is another matter
    (``evaluate.expected_pixels``). Several outputs stay as they are, softmaxes and all. Raises UserError, in one line,
    for anything else, and for a number of classes or a shape other than the given ones. ``say`` is told what had to be
    changed to read the file.
    """
    model = checked(read_network(path, say), path, shape, outputs)
    model = sized(as_floats(model, path), shape)
    if len(model.outputs) == 1:
        model = end(model, str(path))
    if classes is not None and model.output_shape != (None, classes):
        raise UserError(f"{path} gives {model.output_shape[1:]}, but the data have {classes} classes")
    return model


def sized(model: Any, shape: Shape | None) -> Any:
    """The network for examples of ``shape``; ``model`` itself where its own is known, or ``shape`` is None."""
    if shape is None or None not in model.inputs[0].shape[1:]:
        return model
    return _with_input(model, keras.Input(shape, name=model.inputs[0].node.layer.name))


def as_floats(model: Any, path: str | Path) -> Any:
    """The network with a float32 input, where it reads bytes; ``model`` itself for any other."""
    if model.inputs[0].dtype != "uint8":
        return model
    image = keras.Input(model.inputs[0].shape[1:], name=model.inputs[0].node.layer.name)
    floats = _with_input(model, image)
    noise = keras.tf.random.stateless_uniform(
        [2, *(side or 64 for side in image.shape[1:])], seed=(0, 0), maxval=256, dtype=keras.tf.int32
    )
    wanted = keras.tf.nest.flatten(model(keras.tf.cast(noise, "uint8"), training=False))
    got = keras.tf.nest.flatten(floats(keras.tf.cast(noise, "float32"), training=False))
    pairs = [(one.numpy(), other.numpy()) for one, other in zip(got, wanted, strict=True)]
    if any(abs(one - other).max() > 1e-4 * max(abs(other).max(), 1e-9) for one, other in pairs):
        raise UserError(
            f"{path} computes on uint8 values directly: build it with a float32 input, and use tf.cast or "
            "Rescaling instead of functions that depend on the type, such as tf.image.convert_image_dtype"
        )
    return floats


def _with_input(model: Any, image: Any) -> Any:
    new = keras.models.clone_model(model, input_tensors=image)
    new.set_weights(model.get_weights())
    return new


def checked(model: Any, path: str | Path, shape: Shape | None, outputs: int | None = 1) -> Any:
    """``model`` itself where it has the shapes that every stage relies on, else UserError."""
    if not model._is_graph_network:
        raise UserError(
            f"{path} is a subclassed network, whose layers cannot be changed: save it again as a functional or "
            "Sequential network"
        )
    for what, tensors, wanted in (("inputs", model.inputs, 1), ("outputs", model.outputs, outputs)):
        if wanted is not None and len(tensors) != wanted:
            names = ", ".join(model.input_names if what == "inputs" else model.output_names)
            advice = "; save a keras.Model with only one of them" if wanted == 1 else ""
            raise UserError(f"{path} has {len(tensors)} {what} ({names}), but must have {wanted}{advice}")
    reads = model.inputs[0]
    if reads.dtype not in ("float32", "uint8"):
        raise UserError(
            f"{path} reads {reads.dtype.name}, but float32 or uint8 is needed: build it with "
            'keras.Input(shape, dtype="float32")'
        )
    if shape is not None and not _fits(reads.shape[1:], shape):
        raise UserError(
            f"{path} reads {_words(reads.shape[1:])}, but the data are {_words(shape)}{_advice(reads.shape[1:], shape)}"
        )
    return model


def _fits(reads: Any, shape: Shape) -> bool:
    return len(reads) == len(shape) and all(side in (None, wanted) for side, wanted in zip(reads, shape, strict=True))


def _words(shape: Any) -> str:
    """A shape as a user thinks of it.

    >>> _words((48, 96, 3)), _words((None, None, 1)), _words((40,))
    ('48x96x3', '?x?x1', '40 numbers')
    """
    if len(shape) == 1:
        return f"{shape[0]} numbers"
    return "x".join("?" if side is None else str(side) for side in shape)


def _advice(reads: Any, shape: Shape) -> str:
    """What to set, where the data can be had in the shape that a network of images reads."""
    if len(reads) == len(shape) + 1 and reads[-1] == 1:
        return ": give the arrays a last axis of 1"
    if len(shape) == len(reads) + 1 and shape[-1] == 1:
        return ": pictures of bytes get a channel; give the arrays as floats, such as x / 255"
    if len(reads) != 3 or len(shape) != 3 or reads[-1] not in (1, 3, None):
        return ""
    wanted = []
    if reads[-1] is not None and reads[-1] != shape[-1]:
        wanted.append(f"--set data.channels={reads[-1]}")
    if None not in reads[:2] and tuple(reads[:2]) != tuple(shape[:2]):
        wanted.append(f"--set data.size={reads[0]}" if reads[0] == reads[1] else f"--set 'data.size={list(reads[:2])}'")
    return f": {' '.join(wanted)}" if wanted else ""
