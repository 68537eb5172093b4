"""Whatever a user calls a network -> what the pipelines take: a name, or the path of a file."""

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from compress import artifacts, keras
from compress.errors import UserError
from compress.models import MODELS, keras3


def in_legacy_keras(model: Any) -> Any:
    """A network in memory, of either Keras, as one of legacy Keras. Raises UserError for anything else."""
    if keras3.is_keras3_model(model):
        return keras3.convert(model)
    if isinstance(model, keras.Model):
        return model
    raise UserError(
        f"expected a Keras network, got a {type(model).__name__}: give a Keras model, a path, or the name of a network"
    )


def as_path(model: Any, store: Path) -> str:
    """The name or path that pipelines take; a network in memory is written below ``store``, once for its content."""
    if isinstance(model, str | os.PathLike):
        name = os.fspath(model)
        if name not in MODELS and not Path(name).exists():
            from compress.errors import unknown

            raise unknown("network", name, MODELS)
        return name
    network = in_legacy_keras(model)
    if not network._is_graph_network:
        raise UserError(
            f"{network.name} is a subclassed network, whose layers cannot be changed: build it as a functional "
            "or Sequential network"
        )
    name = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in network.name)
    path = store / "networks" / content_of(network) / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=path.parent)) / name
        artifacts.save(network, part)
        try:
            part.rename(path)
        except OSError:  # another process was faster
            if not path.exists():
                raise
    return str(path)


def content_of(network: Any) -> str:
    """A hash of what a network computes: its configuration and its weights."""
    digest = hashlib.sha256(json.dumps(network.get_config(), sort_keys=True, default=repr).encode())
    for weight in network.get_weights():
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()[:20]
