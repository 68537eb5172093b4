"""Files of Keras 3, as far as they can be judged and read without running anything of a stranger's."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from compress import keras3
from compress.errors import UserError, first_line
from compress.models import peek


def is_keras3(path: Path) -> bool:
    """Whether the version that a .keras or .h5 file names is 3 or later."""
    version = str(_metadata(path).get("keras_version", ""))
    major = version.partition(".")[0]
    return major.isdigit() and int(major) >= 3


def load_in_keras3(path: Path) -> Any:
    """The network as Keras 3 reads it, not compiled, in safe mode. Raises UserError."""
    config = peek.config(path)
    if lambdas := [str(name) for name in _lambdas(config)]:
        raise UserError(
            f"cannot load {path}: layer {', '.join(map(repr, lambdas))} is a Lambda, whose computation cannot "
            "be read: replace it by Keras layers, or by keras.ops called on the tensors"
        )
    try:
        return keras3.saving.load_model(str(path), compile=False)
    except Exception as error:  # a foreign file can raise anything: unknown layers, half a download
        if foreign := "; ".join(_foreign(config)):
            raise UserError(
                f"cannot load {path}: {foreign}, which is not a layer of Keras: use Keras's own layers (a function "
                "may group several of them)"
            ) from error
        raise UserError(f"cannot load {path}: {first_line(error)}") from error


def check_graph(model: Any) -> None:
    """Raises UserError for a network whose layers cannot be seen."""
    from compress.models.keras3.walk import is_graph

    if isinstance(model, keras3.Sequential) and not model.built:
        raise UserError(
            f"network {model.name!r} has no input shape yet: start it with keras.Input(...), or call it once"
        )
    if not is_graph(model):
        raise UserError(
            f"network {model.name!r} ({type(model).__name__}) is a subclassed network, whose layers cannot be "
            "read: build it with keras.Model(inputs, outputs)"
        )


def _metadata(path: Path) -> dict[str, Any]:
    """What a file says of its maker; {} where it says nothing."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return dict(json.loads(archive.read("metadata.json")))
        import h5py

        with h5py.File(path) as file:
            version = file.attrs.get("keras_version", "")
            return {"keras_version": version.decode() if isinstance(version, bytes) else version}
    except (OSError, KeyError, ValueError, TypeError, zipfile.BadZipFile):
        return {}


def _layers(config: Any) -> Iterator[dict[str, Any]]:
    """Every serialized object with a class and a name, at any depth."""
    if isinstance(config, dict):
        if "class_name" in config and isinstance(config.get("config"), dict) and "name" in config["config"]:
            yield config
        for value in config.values():
            yield from _layers(value)
    elif isinstance(config, list):
        for value in config:
            yield from _layers(value)


def _lambdas(config: Any) -> Iterator[str]:
    for layer in _layers(config):
        if layer["class_name"] == "Lambda":
            yield layer["config"]["name"]


def _foreign(config: Any) -> Iterator[str]:
    """The layers whose classes are neither Keras's nor registered, in words."""
    for layer in _layers(config):
        kind, registered = str(layer["class_name"]), layer.get("registered_name") or str(layer["class_name"])
        name = kind.rpartition(">")[2]
        own = str(layer.get("module") or "").startswith("keras")
        known = own or hasattr(keras3.layers, name) or name in ("Functional", "Sequential", "Model", "DTypePolicy")
        if not known and keras3.saving.get_registered_object(registered) is None:
            yield f"layer {layer['config']['name']!r} is of a custom class ({name})"
