"""A network of Keras 3, from a file or in memory, rebuilt in legacy Keras: the same layers, weights and outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from compress import keras, keras3
from compress.errors import UserError
from compress.models.keras3 import files
from compress.models.keras3.compare import check
from compress.models.keras3.walk import Walk


def is_keras3(path: str | Path) -> bool:
    """Whether a .keras or .h5 file was written by Keras 3 (its outside says so; nothing is loaded)."""
    return files.is_keras3(Path(path))


def is_keras3_model(model: Any) -> bool:
    """Whether an object in memory is a network of Keras 3. Keras 3 is not imported for the question."""
    return keras3.is_loaded() and isinstance(model, keras3.Model)


def read_keras3(path: str | Path) -> keras.Model:
    """The network in a .keras or .h5 file of Keras 3, rebuilt in legacy Keras.

    Keras 3 itself reads the file, in its safe mode: layers that are registered with it are found, and no pickled code
    is run. Raises UserError in one line where that fails, or where the network cannot be rebuilt.
    """
    model = files.load_in_keras3(Path(path))
    try:
        return convert(model)
    except UserError as error:
        raise UserError(f"cannot load {path}: {error}") from error


def convert(model: Any) -> keras.Model:
    """A functional or Sequential network of Keras 3 as a functional network of legacy Keras.

    It has the same names, order of inputs and outputs, shared layers, nested networks, masks and ``trainable`` flags;
    operations (``keras.ops``, ``x * 2``, slices) become TensorFlow's, the batch size is free. A call with
    ``training=False`` stays one. One with ``training=True`` does not: ``evaluate`` and ``predict`` of Keras 3 override
    it, and this network says what those say.

    Args:
        model: a built ``keras.Model`` of Keras 3, in float32. It is left as it is.

    Returns:
        A ``tf_keras.Model`` with the same weights, not compiled.

    Raises:
        UserError: where a layer cannot be rebuilt (all such layers are named), or where the outputs on random inputs
            depart from those of ``model``.
    """
    files.check_graph(model)
    # layers that Keras numbers itself get the same names however many networks were built before
    keras.backend.reset_uids()
    walk = Walk()
    rebuilt = walk.network(model)
    check(model, rebuilt, walk)
    return rebuilt
