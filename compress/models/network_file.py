"""A user's own network, from a file or a folder, as it was saved."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from compress import keras
from compress.errors import UserError, first_line

_FILES = (".keras", ".h5", ".hdf5")


def read(path: str | Path) -> keras.Model:
    """The network as it was saved, not compiled. Raises UserError where there is none that can be trained on."""
    place = Path(path)
    if not place.exists():
        raise UserError(f"no model at {path}")
    if place.is_dir():
        if not (place / "saved_model.pb").is_file():
            raise UserError(f"{path} is not a SavedModel: there is no saved_model.pb in it")
        if not (place / "keras_metadata.pb").is_file():
            raise UserError(f"{path} is not a Keras SavedModel: cannot be trained on (it only serves)")
        metadata = (place / "keras_metadata.pb").read_bytes()
        if b"jetslim>" in metadata:
            import compress.fake_quant  # noqa: F401  (registers what rewritten networks are made of)
        if b"jetslim>Int8Config" in metadata:
            raise UserError(
                f"{path} is a quantized network: it can neither teach nor be trained on, take the one before"
            )
    elif place.suffix not in _FILES:
        raise UserError(f"{path} is no model: neither a SavedModel folder nor one of {', '.join(_FILES)}")
    try:
        model = keras.models.load_model(str(path), compile=False)
    except Exception as error:  # a foreign file can raise anything: Keras 3's .keras, unknown layers, half a download
        if foreign := _foreign_layers(place):
            raise UserError(
                f"cannot load {path}: {foreign}, which is not known here: use Keras's own layers (a block of them as a "
                "function), or import the module that registers the class (keras.utils.register_keras_serializable)"
            ) from error
        raise UserError(f"cannot load {path}: {first_line(error)}") from error
    if not isinstance(model, keras.Model):
        raise UserError(f"{path} is not a Keras SavedModel: cannot be trained on (it holds a {type(model).__name__})")
    return model


def _foreign_layers(path: Path) -> str:
    """The layers of a .keras or .h5 file whose classes are neither Keras's nor registered, in words; "" for none."""
    config = _config(path)
    unknown = []
    for layer in config.get("config", {}).get("layers", []) if isinstance(config.get("config"), dict) else []:
        name, kind = layer.get("name") or layer.get("config", {}).get("name"), str(layer.get("class_name"))
        known = hasattr(keras.layers, kind.rpartition(">")[2]) or kind in ("Functional", "Sequential", "TFOpLambda")
        if not known and keras.utils.get_registered_object(layer.get("registered_name") or kind) is None:
            unknown.append(f"layer {name!r} is of a class of its own ({kind.rpartition('>')[2]})")
    return "; ".join(unknown)


def _config(path: Path) -> dict[str, Any]:
    """What a .keras or .h5 file says of its network; {} where it says nothing."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                found = json.loads(archive.read("config.json"))
        else:
            import h5py

            with h5py.File(path) as file:
                found = json.loads(file.attrs["model_config"])
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return {}
    return found if isinstance(found, dict) else {}
