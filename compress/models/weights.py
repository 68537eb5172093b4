"""Weights from a file into a network that is already built: all of them, or an error."""

from __future__ import annotations

from pathlib import Path

from compress import keras
from compress.errors import UserError, first_line
from compress.models import network_file

_H5 = (".h5", ".hdf5")


def count(path: str) -> int:
    """How many weight arrays are stored in an .h5, .weights.h5 or .keras file or in a SavedModel folder.

    Raises UserError where nothing can be read.
    """
    return len(_arrays(path)) if _is_h5(path) else len(network_file.read_network(path).weights)


def load(model: keras.Model, path: str) -> None:
    """Sets the weights of ``model`` from a file of the same architecture; a head that does not fit stays as it is.

    ``path`` is an .h5 or .weights.h5 file of weights, a whole network in .h5 or .keras, or a SavedModel folder. Its
    head may have another number of classes or be missing: then the backbone alone is set. Raises UserError in one
    line where another weight is missing, left over or of another shape; the weights of ``model`` are then undefined.
    """
    target = _with_the_files_head(model, path)
    stored, needed = count(path), len(target.weights)
    # .weights.h5 is read by layer and would let a larger network's file pass unnoticed
    if stored != needed:
        raise UserError(
            f"weights {path} do not fit {model.name}: the file has {stored} arrays, the network has {needed}"
        )
    try:
        if _is_h5(path):
            target.load_weights(path)
        else:
            target.set_weights(network_file.read_network(path).get_weights())
    except (ValueError, KeyError, OSError) as error:
        raise UserError(f"weights {path} do not fit {model.name}: {first_line(error)}") from error


def _with_the_files_head(model: keras.Model, path: str) -> keras.Model:
    """``model``, or its own backbone's layers under a head such as the file has: of another width, or none."""
    if _is_h5(path):
        heads = [shape[-1] for name, shape in _arrays(path).items() if "predictions" in name and "bias" in name]
        missing = len(_arrays(path)) == len(model.weights) - 2
    else:
        stored = network_file.read_network(path)
        heads = [stored.output_shape[-1]] if isinstance(stored.layers[-1], keras.layers.Dense) else []
        missing = len(stored.weights) == len(model.weights) - 2
    if missing and not heads:
        return keras.Model(model.inputs[0], model.layers[-1].input, name=model.name)
    if len(heads) != 1 or heads[0] == model.output_shape[-1]:
        return model
    head = keras.layers.Dense(heads[0], name="predictions")
    return keras.Model(model.inputs[0], head(model.layers[-1].input), name=model.name)


def refuse_imagenet(name: str, weights: str | None) -> None:
    """Raises UserError for weights="imagenet" of a network that nobody has trained on ImageNet."""
    if weights == "imagenet":
        raise UserError(f"there are no ImageNet weights for {name}: leave weights out, or give the path of a file")


def _is_h5(path: str) -> bool:
    return Path(path).suffix in _H5


def _arrays(path: str) -> dict[str, tuple[int, ...]]:
    import h5py  # comes with TensorFlow

    shapes: dict[str, tuple[int, ...]] = {}

    def collect(name: str, item: object) -> None:
        # a network that was compiled leaves its optimizer's and its metrics' state beside its weights
        if isinstance(item, h5py.Dataset) and not name.startswith(("optimizer", "metrics")):
            shapes[name] = item.shape

    if not Path(path).is_file():
        raise UserError(f"the weights file {path} does not exist")
    try:
        with h5py.File(path, "r") as file:
            file.visititems(collect)
    except OSError as error:
        raise UserError(f"{path} is not an HDF5 file: {first_line(error)}") from error
    return shapes
